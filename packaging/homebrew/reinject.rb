# The formula for Homebrew. No release of reinject has been published, so there is no archive to name: HOMEBREW_REINJECT_URL and HOMEBREW_REINJECT_SHA256 say
# where it lies and what it is (whoever keeps a tap writes the two strings here instead); HOMEBREW_REINJECT_HEAD is the repository for `brew install --HEAD`. The
# program was compiled and linked for macOS (`make check-darwin`) and never run there: see the heads of the *_darwin.c files.
class Reinject < Formula
  desc "Put rebuilt cargo packages into a disk image, whole or not at all"
  license "GPL-3.0-or-later"
  version "0.1.0"

  if ENV["HOMEBREW_REINJECT_URL"]
    url ENV["HOMEBREW_REINJECT_URL"]
    sha256 ENV.fetch("HOMEBREW_REINJECT_SHA256")
  end
  head ENV["HOMEBREW_REINJECT_HEAD"], branch: "main" if ENV["HOMEBREW_REINJECT_HEAD"]

  depends_on "pkgconf" => :build
  depends_on "fswatch"
  depends_on "inih"
  depends_on "jansson"
  depends_on "libgit2"
  depends_on "libuv"
  depends_on "openssl@3"
  depends_on "sqlite"

  def install
    system "make", "all", "PREFIX=#{prefix}"
    system "make", "install", "PREFIX=#{prefix}"
  end

  def caveats
    <<~TEXT
      RedoxFS images are mounted by macFUSE and redoxfs:
        brew install --cask macfuse
        cargo install redoxfs --version 0.9.0 --locked
    TEXT
  end

  test do
    assert_match "reinject #{version}", shell_output("#{bin}/reinject --version")
    assert_match "no reinject.ini", shell_output("#{bin}/reinject status 2>&1", 2)
  end
end
