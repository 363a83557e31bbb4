//! Table `process`.

columns!(process, "Starts and stops of processes: Sysmon 1 and 5, Security 4688 and 4689, DeviceProcessEvents.", {
    PID "pid" U32 "Process id.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid with braces: one process over its life.";
    PROC_START "proc_start" Ts "Start time of the process where the record gives it beside its own time (MDE ProcessCreationTime).";
    IMAGE "image" Dict "Full path of the executable.";
    IMAGE_NAME "image_name" Dict "Lower-case base name of image.";
    CMDLINE "cmdline" Dict "Command line.";
    CWD "cwd" Dict "Current directory.";
    ORIG_NAME "orig_name" Dict "OriginalFileName of the version resource.";
    COMPANY "company" Dict "Company of the version resource.";
    PRODUCT "product" Dict "Product of the version resource.";
    DESCR "descr" Dict "Description of the version resource.";
    FILEVER "filever" Dict "File version.";
    MD5 "md5" Md5 "MD5.";
    SHA1 "sha1" Sha1 "SHA-1.";
    SHA256 "sha256" Sha256 "SHA-256.";
    IMPHASH "imphash" Md5 "Import hash.";
    INTEGRITY "integrity" Dict "Integrity level, as text or SID.";
    ELEVATION "elevation" Dict "Token elevation (%%1936 default, %%1937 full, %%1938 limited).";
    SIGNER "signer" Dict "Signer of the executable.";
    SIG_STATUS "sig_status" Dict "State of the signature.";
    LOGON_GUID "logon_guid" Dict "LogonGuid of the session.";
    TERMINAL_SESSION "terminal_session" U32 "Terminal session id.";
    PPID "ppid" U32 "Process id of the parent (4688: the creator).";
    PARENT_GUID "parent_guid" Dict "Sysmon ProcessGuid of the parent.";
    PARENT_START "parent_start" Ts "Start time of the parent (MDE).";
    PARENT_IMAGE "parent_image" Dict "Full path of the parent's executable.";
    PARENT_NAME "parent_name" Dict "Lower-case base name of parent_image.";
    PARENT_CMDLINE "parent_cmdline" Dict "Command line of the parent.";
    PARENT_USER "parent_user" Dict "User of the parent.";
    GPARENT_IMAGE "gparent_image" Dict "Executable of the grandparent (MDE).";
    TARGET_USER "target_user" Dict "User of the new process where it differs from the creator.";
    TARGET_DOMAIN "target_domain" Dict "Domain of that user.";
    TARGET_SID "target_sid" Dict "SID of that user.";
    TARGET_LOGON_ID "target_logon_id" U64 "Session of that user.";
    EXIT_STATUS "exit_status" U32 "Exit status (4689).";
});
