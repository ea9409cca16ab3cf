# Reading the pages of documentation: their blocks of commands, in order. Sourced.

# blocks KIND FILE: the blocks whose fence says KIND (sh, json …), indented ones too; each ends with a line of \001.
blocks() {
    awk -v kind="$1" '
        match($0, /^ *```/) {
            fence = substr($0, RLENGTH + 1)
            if (inside) { if (wanted) print "\001"; inside = 0; next }
            inside = 1; wanted = fence == kind; indent = RLENGTH - 3; next
        }
        inside && wanted { print substr($0, indent + 1) }' "$2"
}

# ci_commands FILE: what the jobs in its blocks of YAML run
ci_commands() { blocks yaml "$1" | sed -n 's/^ *- run: //p; s/^ *- \(docker-bench-agent .*\)/\1/p' | sed 's/^sudo //'; }
