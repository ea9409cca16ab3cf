# What `cmake --install` installs beside the programs, and so what is in the packages. Lists are made of what is there:
# a unit more is a file more.
set(PACKAGING ${CMAKE_SOURCE_DIR}/systemd/packaging)
set(STAGE ${CMAKE_BINARY_DIR}/packaging) # files as they are installed, where they are not those of the tree
file(MAKE_DIRECTORY ${STAGE})

# compressed(SOURCE RET): SOURCE as a .gz of the build folder, the same bytes each time
find_program(GZIP gzip REQUIRED)
function(compressed source ret)
    get_filename_component(name ${source} NAME)
    add_custom_command(OUTPUT ${STAGE}/${name}.gz DEPENDS ${source} VERBATIM
        COMMAND sh -c "\"$1\" -9nc \"$2\" >\"$3\"" sh ${GZIP} ${source} ${STAGE}/${name}.gz)
    set_property(GLOBAL APPEND PROPERTY COMPRESSED ${STAGE}/${name}.gz)
    set(${ret} ${STAGE}/${name}.gz PARENT_SCOPE)
endfunction()

# ---- data ----
install(DIRECTORY config/rules config/benchmarks config/lists config/siem config/container
    DESTINATION ${CMAKE_INSTALL_DATADIR}/docker-bench-agent)

# ---- systemd: units, users, folders, texts of the journal ----
file(GLOB UNIT_FILES CONFIGURE_DEPENDS systemd/*.service systemd/*.socket systemd/*.target systemd/*.path)
set(UNITS)         # all of them
set(ENABLED_UNITS) # that are started by themselves
foreach(file ${UNIT_FILES})
    get_filename_component(name ${file} NAME)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    list(APPEND UNITS ${name})
    file(READ ${file} text)
    if(text MATCHES "\n\\[Install\\]\n")
        list(APPEND ENABLED_UNITS ${name})
    endif()
    string(REPLACE "=/usr/bin/" "=${CMAKE_INSTALL_FULL_BINDIR}/" text "${text}")
    string(REGEX REPLACE "(=[-!]*)/usr/libexec/" "\\1${CMAKE_INSTALL_FULL_LIBEXECDIR}/" text "${text}")
    file(WRITE ${STAGE}/${name} "${text}")
    install(FILES ${STAGE}/${name} DESTINATION lib/systemd/system)
endforeach()

# Templates for further engines of a host, made of those: no unit of them is enabled by itself.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/systemd/instances)
file(MAKE_DIRECTORY ${STAGE}/templates)
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/systemd/instances ${STAGE}/templates RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "systemd/instances has failed")
endif()
foreach(name ${UNITS})
    string(REGEX REPLACE "\\.([a-z]+)$" "@.\\1" name ${name})
    file(READ ${STAGE}/templates/${name} text)
    string(REPLACE "=/usr/bin/" "=${CMAKE_INSTALL_FULL_BINDIR}/" text "${text}")
    string(REGEX REPLACE "(=[-!]*)/usr/libexec/" "\\1${CMAKE_INSTALL_FULL_LIBEXECDIR}/" text "${text}")
    file(WRITE ${STAGE}/${name} "${text}")
    install(FILES ${STAGE}/${name} DESTINATION lib/systemd/system)
endforeach()
install(FILES systemd/docker-bench-agent.sysusers DESTINATION lib/sysusers.d RENAME docker-bench-agent.conf)
install(FILES systemd/docker-bench-agent.tmpfiles DESTINATION lib/tmpfiles.d RENAME docker-bench-agent.conf)
install(FILES systemd/docker-bench-agent.catalog systemd/docker-bench-agent.zh_CN.catalog
    DESTINATION lib/systemd/catalog)

# ---- the configuration: what an administrator has written stays ----
install(CODE "
    if(NOT EXISTS \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/docker-bench-agent/agent.json\")
        file(INSTALL \"${PACKAGING}/agent.json\" DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/docker-bench-agent\"
            PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endif()")

# ---- manual pages: systemd/man/NAME.SECTION.scd, of which the tables of options fill in their parts ----
file(GLOB PAGES CONFIGURE_DEPENDS systemd/man/*.scd)
find_program(SCDOC scdoc)
if(SCDOC)
    foreach(source ${PAGES})
        string(REGEX REPLACE "^.*/(.*)\\.scd$" "\\1" name ${source})
        string(REGEX REPLACE "^.*\\." "" section ${name})
        string(REGEX REPLACE "\\.[0-9]$" "" program ${name})
        set(filled cat)
        if(TARGET document-${program})
            set(filled $<TARGET_FILE:document-${program}> man)
        endif()
        add_custom_command(OUTPUT ${STAGE}/${name} DEPENDS ${source} $<TARGET_NAME_IF_EXISTS:document-${program}> VERBATIM
            COMMAND sh -c "scdoc=$1 source=$2 page=$3 && shift 3 && \"$@\" <\"$source\" >\"$page.scd\" && SOURCE_DATE_EPOCH=0 \"$scdoc\" <\"$page.scd\" >\"$page\""
            sh ${SCDOC} ${source} ${STAGE}/${name} ${filled})
        compressed(${STAGE}/${name} page)
        install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
else()
    message(WARNING "scdoc was not found: no manual pages, and no packages")
endif()

# ---- completion ----
if(EXISTS /etc/debian_version)
    set(ZSH_FOLDER_DEFAULT vendor-completions)
else()
    set(ZSH_FOLDER_DEFAULT site-functions)
endif()
set(ZSH_FOLDER ${ZSH_FOLDER_DEFAULT} CACHE STRING "Folder below share/zsh for completion")
set(COMPLETION ${CMAKE_BINARY_DIR}/completion)
file(MAKE_DIRECTORY ${COMPLETION})
foreach(program agentctl docker-bench-agent)
    foreach(shell bash zsh fish)
        add_custom_command(OUTPUT ${COMPLETION}/${program}.${shell} DEPENDS document-${program} VERBATIM
            COMMAND sh -c "\"$1\" $2 >\"$3\"" sh $<TARGET_FILE:document-${program}> ${shell} ${COMPLETION}/${program}.${shell})
        set_property(GLOBAL APPEND PROPERTY COMPRESSED ${COMPLETION}/${program}.${shell})
    endforeach()
    install(FILES ${COMPLETION}/${program}.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${program})
    install(FILES ${COMPLETION}/${program}.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${ZSH_FOLDER} RENAME _${program})
    install(FILES ${COMPLETION}/${program}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endforeach()

# ---- documentation ----
compressed(${PACKAGING}/changelog changelog)
install(FILES ${PACKAGING}/copyright ${changelog} config/agent.json README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PACKAGING}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
    RENAME docker-bench-agent)

get_property(compressed_files GLOBAL PROPERTY COMPRESSED) # and made from tables
add_custom_target(documentation ALL DEPENDS ${compressed_files})
