#include "base/hash.h"

#include "base/str.h"

#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_new(void)
{
	struct hash *hash = xcalloc(1, sizeof(*hash));

	hash->ctx = EVP_MD_CTX_new();
	/* Neither can fail but for want of memory. */
	if (!hash->ctx || EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) != 1)
		abort();
	return hash;
}

void hash_free(struct hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->ctx);
	free(hash);
}

void hash_freep(struct hash **hash)
{
	hash_free(*hash);
}

void hash_add(struct hash *hash, const void *bytes, size_t n)
{
	EVP_DigestUpdate(hash->ctx, bytes, n);
}

void hash_field(struct hash *hash, const char *name, const char *value)
{
	char head[160];
	size_t n = value ? strlen(value) : 0;
	int len = value ? snprintf(head, sizeof(head), "%.100s=%zu:", name, n) : snprintf(head, sizeof(head), "%.100s absent;", name);

	hash_add(hash, head, (size_t)len);
	hash_add(hash, value, n);
}

void hash_end(struct hash *hash, char ret_hex[HASH_HEX_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	EVP_DigestFinal_ex(hash->ctx, digest, &n);
	hex_encode(digest, 32, ret_hex);
}

int hash_fd(int fd, char ret_hex[HASH_HEX_SIZE], uint64_t *ret_size)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	CLEANUP_FREE char *buffer = xrealloc(NULL, 256 * 1024);
	uint64_t size = 0;
	ssize_t n;

	while ((n = pread(fd, buffer, 256 * 1024, (off_t)size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		hash_add(hash, buffer, (size_t)n);
		size += (uint64_t)n;
	}
	hash_end(hash, ret_hex);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int hash_file(const char *path, char ret_hex[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	r = hash_fd(fd, ret_hex, NULL);
	return r < 0 ? err_set(err, r, "cannot read '%s'", path) : 0;
}
