# Packages of what is installed: `cpack -G DEB` and `cpack -G RPM` in the build folder.
list(JOIN UNITS " " UNITS)
list(JOIN ENABLED_UNITS " " ENABLED_UNITS)
foreach(script deb/postinst deb/prerm deb/postrm rpm/post rpm/preun rpm/postun)
    get_filename_component(name ${script} NAME)
    configure_file(${PACKAGING}/${script} ${STAGE}/${script} @ONLY
        FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
file(WRITE ${STAGE}/deb/conffiles "${CMAKE_INSTALL_FULL_SYSCONFDIR}/docker-bench-agent/agent.json\n")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME docker-bench-agent)
set(CPACK_PACKAGE_CONTACT "docker-bench-agent maintainers <maintainers@users.noreply.r-seed-e693ac32.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Security posture of a Docker host, watched as it changes")
set(CPACK_PACKAGE_DESCRIPTION
    "A daemon that checks a host of Docker or podman against the rules of the CIS
Docker benchmark and of a security white paper. It follows the engine's
events and the host's files, evaluates again what a change affects, and
reports what has changed to the journal, to syslog and to a query API.")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PACKAGING}/before_package.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "docker.io | docker-ce | podman, auditd, bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${STAGE}/deb/postinst ${STAGE}/deb/prerm ${STAGE}/deb/postrm
    ${STAGE}/deb/conffiles)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
set(CPACK_RPM_PACKAGE_GROUP System/Monitoring)
set(CPACK_RPM_PACKAGE_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_RPM_SPEC_MORE_DEFINE "Packager: ${CPACK_PACKAGE_CONTACT}")
set(CPACK_RPM_PACKAGE_REQUIRES systemd)
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${STAGE}/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${STAGE}/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${STAGE}/rpm/postun)
set(CPACK_RPM_CHANGELOG_FILE ${PACKAGING}/changelog.rpm)
set(CPACK_RPM_USER_FILELIST "%config(noreplace) ${CMAKE_INSTALL_FULL_SYSCONFDIR}/docker-bench-agent/agent.json"
    "%doc ${CMAKE_INSTALL_FULL_DOCDIR}")
# Folders that belong to other packages.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/lib/systemd /usr/lib/systemd/system /usr/lib/systemd/catalog
    /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/man/man8
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/zsh /usr/share/zsh/site-functions
    /usr/share/fish /usr/share/fish/vendor_completions.d)
include(CPack)
