# Completion of agentctl for fish.
set -l commands status findings rules explain watch history diff scan check resend ack metrics version
set -l rules '(agentctl rules 2>/dev/null | cut -f 1)'

complete -c agentctl -f
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a status -d 'Engine, score, counts, worst findings'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a findings -d 'Findings'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a rules -d 'Every rule with its verdict'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a explain -d 'Why a rule matters, how to fix it'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a watch -d 'Changes as they happen'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a history -d 'What changed'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a diff -d 'What was opened and closed'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a scan -d 'Evaluate everything again'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a check -d 'Exit 1 when something fails'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a resend -d 'Send a sink what is open again'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a ack -d 'Acknowledge an exec finding'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a metrics -d 'The agent in numbers'
complete -c agentctl -n "not __fish_seen_subcommand_from $commands" -a version -d 'Versions'

complete -c agentctl -l socket -r -F -d 'The agent\'s socket'
complete -c agentctl -l json -d 'Print what the API answers'
complete -c agentctl -l lang -x -a 'en zh' -d 'Language'
complete -c agentctl -l no-color -d 'No colours'
complete -c agentctl -s h -l help -d 'Print the help'

set -l filtered "__fish_seen_subcommand_from findings history"
complete -c agentctl -n "$filtered" -l rule -x -a $rules -d 'An id or a slug'
complete -c agentctl -n "__fish_seen_subcommand_from findings history rules" -l section -x -d 'A section'
complete -c agentctl -n "$filtered" -l status -x -a 'pass fail manual not_applicable error' -d 'Statuses'
complete -c agentctl -n "$filtered" -l severity -x -a 'low medium high critical' -d 'Severities'
complete -c agentctl -n "$filtered" -l subject -x -d 'A name, with * and ?, or an id'
complete -c agentctl -n "$filtered" -l kind -x -a 'host daemon file container image network swarm exec agent' -d 'Kind'
complete -c agentctl -n "$filtered" -l waived -x -a 'true false' -d 'Covered by a waiver'
complete -c agentctl -n "$filtered" -l limit -x -d 'At most so many'
complete -c agentctl -n "__fish_seen_subcommand_from findings diff" -l all -d 'Every status'
complete -c agentctl -n "__fish_seen_subcommand_from watch history" -l since -x -a 'today yesterday 1h 1d 1w' -d 'From'
complete -c agentctl -n "__fish_seen_subcommand_from history" -l until -x -a 'now today yesterday 1h 1d' -d 'Up to'
complete -c agentctl -n "__fish_seen_subcommand_from check" -l fail-on -x -a 'low medium high critical' -d 'From this severity on'
complete -c agentctl -n "__fish_seen_subcommand_from metrics" -l textfile -r -F -d 'A file for node_exporter'
complete -c agentctl -n "__fish_seen_subcommand_from explain" -a $rules
complete -c agentctl -n "__fish_seen_subcommand_from diff" -a 'today yesterday 1d 1w'
