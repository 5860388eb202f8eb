# Completion of reinject for fish. Made by `make docs` from the program's tables: change those.

# The verb and the number of operands behind it, in the line so far: 'build 2'. Nothing before the verb.
function __reinject_place
    set -l verb
    set -l n 0
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if string match -q -- '-?*' $word
            if contains -- "$verb:$word" $__reinject_valued; or contains -- ":$word" $__reinject_valued
                set skip yes
            end
        else if test -z "$verb"
            set verb $word
        else
            set n (math $n + 1)
        end
    end
    test -n "$verb"; and echo $verb $n
end

# __reinject_in VERB [N]: whether the next word belongs to the verb, as operand N, counted from 0.
function __reinject_in
    set -l place (string split ' ' -- (__reinject_place))
    test "$place[1]" = $argv[1]; and begin
        test (count $argv) -lt 2; or test $place[2] = $argv[2]
    end
end

# The -C and -c of the line so far, for what is asked of the program itself.
function __reinject_ask
    set -l where
    set -l words (commandline -opc)
    for i in (seq 2 (math (count $words) - 1))
        if contains -- $words[$i] -C --directory -c --config
            set where $where $words[$i] (string replace -r '^~/' "$HOME/" -- $words[(math $i + 1)])
        end
    end
    reinject $where $argv 2>/dev/null
end

function __reinject_packages
    __reinject_ask config | string replace -rf '^\[package (.*)\]$' '$1'
end

function __reinject_runs
    __reinject_ask log | string replace -rf '^ *([0-9]+) .*' '$1'
end

function __reinject_revisions
    echo HEAD
    git for-each-ref --format='%(refname:short)' 2>/dev/null
end

complete -c reinject -f

set -g __reinject_keys reinject.include reinject.state reinject.keep_runs reinject.keep_days reinject.auto_update reinject.rules build.toolchain build.target build.codegen_backend build.relibc build.build_std build.build_std_features build.rustflags build.profile build.features build.cargo_args build.target_dir build.strip build.cache image.path image.format image.mode image.tool image.mount image.unmount image.mount_point image.block image.keep_previous image.stamp image.mount_timeout_ms image.answer_timeout_ms image.leak_limit_mb initfs.dir initfs.tool initfs.bootstrap initfs.max_size initfs.dest watch.quiet_ms watch.on_busy watch.trigger watch.hold_over watch.backend watch.poll_ms watch.notify watch.on_success watch.on_failure boot.when boot.command boot.args boot.console boot.ready boot.failure boot.timeout_s boot.timeout_scale boot.exit_ok boot.exit_failed boot.record boot.stop nightly.boot nightly.attempts nightly.max_boots nightly.timeout_s nightly.on_boot_failure nightly.report nightly.on_failure hooks.quiet_ms hooks.on_success hooks.on_failure hooks.isolate share.path share.after_put
set -g __reinject_valued :--directory :-C :--config :-c :--option :-o :--color init:--source init:--image init:--redoxfs init:--target init:--toolchain init:--backend init:--relibc init:--strip init:--boot init:--initfs init:--initfs-tool init:--bootstrap init:--rules refresh:--wait-lock build:--wait-lock inject:--wait-lock adopt:--wait-lock rollback:--wait-lock bisect:--wait-lock boot:--timeout extract:--wait-lock log:--number report:--output report:-o report:--number affected:--since affected:--commit affected:--commits image:--wait-lock initfs:--check initfs:--wait-lock service:--time service:--system

complete -c reinject -l directory -s C -x -a '(__fish_complete_directories)' -d 'start in DIR: reinject.ini is looked for there and upwards'
complete -c reinject -l config -s c -r -F -d 'use this configuration'
complete -c reinject -l option -s o -x -a '$__reinject_keys=' -d 'set one key of the configuration for this call; may be repeated'
complete -c reinject -l json -d 'facts as JSON, one object a line'
complete -c reinject -l quiet -s q -d 'only warnings and errors'
complete -c reinject -l verbose -s v -d 'say more: command lines, each file'
complete -c reinject -l color -x -a 'auto always never' -d 'colours in what is said; NO_COLOR is heeded'
complete -c reinject -l help -s h -d 'this text'
complete -c reinject -l version -d 'the version and those of the libraries'

complete -c reinject -n 'test -z (__reinject_place)' -a init -d 'write reinject.ini and the generated map of a cargo workspace'
complete -c reinject -n '__reinject_in init' -l update -d 'write the generated map anew, nothing else, and show what changed'
complete -c reinject -n '__reinject_in init' -l dry-run -s n -d 'print what would be written, and write nothing'
complete -c reinject -n '__reinject_in init' -l source -x -a '(__fish_complete_directories)' -d 'the cargo workspace'
complete -c reinject -n '__reinject_in init' -l image -r -F -d 'the disk image'
complete -c reinject -n '__reinject_in init' -l redoxfs -r -F -d 'what mounts it'
complete -c reinject -n '__reinject_in init' -l target -x -d 'a triple, or the target\'s .json'
complete -c reinject -n '__reinject_in init' -l toolchain -x -d 'as rustup calls it'
complete -c reinject -n '__reinject_in init' -l backend -r -F -d 'the codegen backend\'s library'
complete -c reinject -n '__reinject_in init' -l relibc -x -a '(__fish_complete_directories)' -d 'where relibc\'s crt0.o is'
complete -c reinject -n '__reinject_in init' -l strip -r -F -d 'what strips binaries'
complete -c reinject -n '__reinject_in init' -l boot -r -F -d 'the script that boots the image'
complete -c reinject -n '__reinject_in init' -l initfs -x -a '(__fish_complete_directories)' -d 'the initfs\'s content'
complete -c reinject -n '__reinject_in init' -l initfs-tool -r -F -d 'what packs it'
complete -c reinject -n '__reinject_in init' -l bootstrap -r -F -d 'its bootstrap ELF'
complete -c reinject -n '__reinject_in init' -l rules -r -F -d 'where programs and files go, see config/rules/redox.ini; none: no rules'

complete -c reinject -n 'test -z (__reinject_place)' -a doctor -d 'check everything that a refresh needs, and say how to put it right'
complete -c reinject -n '__reinject_in doctor' -l fix -d 'put right what can be put right safely'
complete -c reinject -n '__reinject_in doctor' -a 'configuration map repository clock toolchain target backend relibc libgcc_eh strip sccache mount-program fuse image room leftovers holders content initfs boot-script qemu inotify'

complete -c reinject -n 'test -z (__reinject_place)' -a refresh -d 'bring the image up to date: build and put every stale package and asset'
complete -c reinject -n '__reinject_in refresh' -l dry-run -s n -d 'print what would be done, and do nothing; with -v the command lines too'
complete -c reinject -n '__reinject_in refresh' -l retry -d 'try again what failed or was held'
complete -c reinject -n '__reinject_in refresh' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'

complete -c reinject -n 'test -z (__reinject_place)' -a watch -d 'bring the image up to date on each save, commit and checkout'
complete -c reinject -n '__reinject_in watch' -l pause -d 'ask the watch that runs to pause'
complete -c reinject -n '__reinject_in watch' -l resume -d 'ask it to go on'
complete -c reinject -n '__reinject_in watch' -l wait -d 'return when it is at rest: everything looked at, built and in the image'
complete -c reinject -n '__reinject_in watch' -a '(__reinject_packages)'

complete -c reinject -n 'test -z (__reinject_place)' -a hooks -d 'git hooks in every source repository: commit, and the image follows'
complete -c reinject -n '__reinject_in hooks 0' -a 'install uninstall status'

complete -c reinject -n 'test -z (__reinject_place)' -a build -d 'build, strip and put these packages now, stale or not'
complete -c reinject -n '__reinject_in build' -l dry-run -s n -d 'print what would be done, and do nothing; with -v the command lines too'
complete -c reinject -n '__reinject_in build' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in build' -a '(__reinject_packages)'

complete -c reinject -n 'test -z (__reinject_place)' -a inject -d 'put any file into the image, by the same transaction'
complete -c reinject -n '__reinject_in inject' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in inject 0' -F

complete -c reinject -n 'test -z (__reinject_place)' -a adopt -d 'take the image as it is for the starting point, without building'
complete -c reinject -n '__reinject_in adopt' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in adopt' -a '(__reinject_revisions)'

complete -c reinject -n 'test -z (__reinject_place)' -a rollback -d 'put back what a run replaced, and remove what it added'
complete -c reinject -n '__reinject_in rollback' -l image -d 'the whole image before the last change, IMAGE.prev'
complete -c reinject -n '__reinject_in rollback' -l good -d 'the last image that booted, IMAGE.good'
complete -c reinject -n '__reinject_in rollback' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in rollback 0' -a '(__reinject_runs)'

complete -c reinject -n 'test -z (__reinject_place)' -a bisect -d 'find the run after which the image does not boot, by booting earlier images'
complete -c reinject -n '__reinject_in bisect' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in bisect 0' -a '(__reinject_runs)'
complete -c reinject -n '__reinject_in bisect 1' -a '(__reinject_runs)'

complete -c reinject -n 'test -z (__reinject_place)' -a boot -d 'boot the image and say whether it comes up'
complete -c reinject -n '__reinject_in boot' -l wait -d 'return at the verdict, also on a terminal (without one that is so in any case)'
complete -c reinject -n '__reinject_in boot' -l timeout -x -d 'how long it may take until ready ([boot] timeout_s)'
complete -c reinject -n '__reinject_in boot' -l stop -d 'ask the machine to end after the verdict'

complete -c reinject -n 'test -z (__reinject_place)' -a nightly -d 'refresh unattended: what is committed, checked and booted; what does not boot does not stay'
complete -c reinject -n '__reinject_in nightly' -l dry-run -s n -d 'print what would be done, and do nothing'

complete -c reinject -n 'test -z (__reinject_place)' -a extract -d 'get a file or folder out of the image'
complete -c reinject -n '__reinject_in extract' -l force -s f -d 'replace the target when it is an existing file'
complete -c reinject -n '__reinject_in extract' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in extract 1' -F

complete -c reinject -n 'test -z (__reinject_place)' -a status -d 'what is stale, what is running, who holds the image'

complete -c reinject -n 'test -z (__reinject_place)' -a log -d 'what was injected when, with what result; the newest first'
complete -c reinject -n '__reinject_in log' -l number -x -d 'the newest N runs (20, with --json all; 0: all)'

complete -c reinject -n 'test -z (__reinject_place)' -a show -d 'one run in full: its builds, files, boots, hashes and commits'
complete -c reinject -n '__reinject_in show 0' -a '(__reinject_runs)'

complete -c reinject -n 'test -z (__reinject_place)' -a report -d 'one HTML page: the last result, runs by day, build times, room in the image, failures'
complete -c reinject -n '__reinject_in report' -l output -s o -r -F -d 'where it goes ([nightly] report); - is the standard output'
complete -c reinject -n '__reinject_in report' -l number -x -d 'the newest N runs (500; 0: all)'

complete -c reinject -n 'test -z (__reinject_place)' -a symbols -d 'where the unstripped binaries of a package or a run are, for gdb'
complete -c reinject -n '__reinject_in symbols 0' -a '(__reinject_packages)'

complete -c reinject -n 'test -z (__reinject_place)' -a affected -d 'which packages own these changes, and which would be built anew'
complete -c reinject -n '__reinject_in affected' -l since -x -a '(__reinject_revisions)' -d 'what differs between REV and the work tree, uncommitted and untracked files included'
complete -c reinject -n '__reinject_in affected' -l commit -x -a '(__reinject_revisions)' -d 'what this commit changed, against its first parent'
complete -c reinject -n '__reinject_in affected' -l commits -x -d 'the same for each of these commits, oldest first; REV: all ancestors of it'
complete -c reinject -n '__reinject_in affected' -l explain -d 'say by which rule, and through which crate'
complete -c reinject -n '__reinject_in affected' -F

complete -c reinject -n 'test -z (__reinject_place)' -a config -d 'the effective configuration, each value with the file and line that set it'
complete -c reinject -n '__reinject_in config 0' -a '$__reinject_keys'

complete -c reinject -n 'test -z (__reinject_place)' -a image -d 'care of the image: check it, get leaked room back, stamp it, mount it by hand'
complete -c reinject -n '__reinject_in image' -l deep -d 'read every block with its checksum, in a scratch copy (RedoxFS), or run e2fsck -fn (ext4)'
complete -c reinject -n '__reinject_in image' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'
complete -c reinject -n '__reinject_in image 0' -a 'check compact stamp mount unmount'
complete -c reinject -n '__reinject_in image 1' -F

complete -c reinject -n 'test -z (__reinject_place)' -a initfs -d 'pack the initfs with its bootstrap and put it into the image; or check a packed one'
complete -c reinject -n '__reinject_in initfs' -l check -r -F -d 'print the header of this initfs, and whether a kernel can boot from it'
complete -c reinject -n '__reinject_in initfs' -l dry-run -s n -d 'print what would be done, and do nothing; with -v the command lines too'
complete -c reinject -n '__reinject_in initfs' -l wait-lock -x -d 'wait so long for another run that holds the image (0)'

complete -c reinject -n 'test -z (__reinject_place)' -a service -d 'let the system run it: systemd user units, or launchd agents'
complete -c reinject -n '__reinject_in service' -l time -x -d 'nightly: when (02:30, or what is installed)'
complete -c reinject -n '__reinject_in service' -l print -d 'install: show the files, and install nothing'
complete -c reinject -n '__reinject_in service' -l system -x -a 'systemd launchd' -d 'whose files; this system\'s own without it'
complete -c reinject -n '__reinject_in service 0' -a 'install uninstall status'
complete -c reinject -n '__reinject_in service 1' -a 'watch nightly'

complete -c reinject -n 'test -z (__reinject_place)' -a help -d 'the verbs and options, or what one verb does'
complete -c reinject -n '__reinject_in help 0' -a 'init doctor refresh watch hooks build inject adopt rollback bisect boot nightly extract status log show report symbols affected config image initfs service help'
