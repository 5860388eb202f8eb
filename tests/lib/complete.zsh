# complete.zsh FOLDER SCRATCH LINE: what zsh would offer at the end of LINE, one a line, with the completion functions of FOLDER first. SCRATCH is a folder
# of the caller's.
# A shell on a pseudo-terminal, whose compadd writes what it was to add into a file; a key bound to a widget of ours says that all of it is there.
zmodload zsh/zpty
out=$2/offered rc=$2/rc fifo=$2/never
rm -f $fifo && mkfifo $fifo
: >$out
cat >$rc <<END
PS1= PS2= fpath=(${(q)1} \$fpath)
autoload -Uz compinit
compinit -u -d ${(q)2}/dump
compadd() {
	local -a hits
	if (( \${@[(I)-[AOD]*]} )); then
		builtin compadd "\$@"
		return
	fi
	builtin compadd -A hits "\$@"
	print -rl -- \${(Q)hits} >>${(q)out}
	builtin compadd "\$@"
}
finished() { print -r -- '<end>' >>${(q)out} }
zle -N finished
bindkey '^I' complete-word '^Xf' finished
print -r -- '<ready>' >>${(q)out}
END
# wait_for TEXT: the file has it; each turn takes what the shell prints, which would fill the terminal else.
wait_for() {
	local -i turn
	for ((turn = 0; turn < 500; turn++)); do
		zpty -rt shell >/dev/null
		grep -qxF -- $1 $out && return
		read -t 0.02 <>$fifo
	done
	print -u2 "complete.zsh: no $1"
	zpty -d shell
	exit 1
}
zpty -b shell zsh -f -i
zpty -w shell ". ${(q)rc}"
wait_for '<ready>'
: >$out
zpty -w -n shell "$3"$'\t'$'\x18f'
wait_for '<end>'
zpty -d shell
grep -vxF -e '<end>' -e '' $out | sort -u
exit 0
