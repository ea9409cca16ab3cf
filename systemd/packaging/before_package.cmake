# Runs when CPack has installed into its folder, before that becomes a package.
set(tree ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX})
if(NOT EXISTS ${tree}/share/man/man8/docker-bench-agent.8.gz)
    message(FATAL_ERROR "no manual pages in ${tree}: install scdoc and configure again")
endif()
# An RPM made on Debian: completion of zsh is in another folder there, and lintian is Debian's.
if(CPACK_GENERATOR STREQUAL "RPM")
    file(REMOVE_RECURSE ${tree}/share/lintian)
    if(EXISTS ${tree}/share/zsh/vendor-completions)
        file(RENAME ${tree}/share/zsh/vendor-completions ${tree}/share/zsh/site-functions)
    endif()
endif()
