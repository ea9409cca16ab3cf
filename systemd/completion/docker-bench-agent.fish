# Completion of docker-bench-agent for fish.
complete -c docker-bench-agent -f
complete -c docker-bench-agent -s c -l config -r -F -d 'Configuration'
complete -c docker-bench-agent -l docker-host -x -a 'unix:// tcp://' -d 'The engine'
complete -c docker-bench-agent -l socket -r -F -d 'Socket of the query API'
complete -c docker-bench-agent -l state-dir -x -a '(__fish_complete_directories)' -d 'Where state is kept'
complete -c docker-bench-agent -l host-root -x -a '(__fish_complete_directories)' -d 'Where the host\'s / is mounted'
complete -c docker-bench-agent -l data-dir -x -a '(__fish_complete_directories)' -d 'Rules and benchmarks'
complete -c docker-bench-agent -l helpers -x -a '(__fish_complete_directories)' -d 'Sockets of the helpers'
complete -c docker-bench-agent -l once -d 'One full scan to standard output'
complete -c docker-bench-agent -l format -x -a 'text json' -d 'Output of --once'
complete -c docker-bench-agent -l check-config -d 'Check configuration and rules'
complete -c docker-bench-agent -l version -d 'Print the version'
complete -c docker-bench-agent -s h -l help -d 'Print the help'
