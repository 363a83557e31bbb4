//! Table `image_load`.

columns!(image_load, "Loads of libraries and drivers: Sysmon 6 and 7, DeviceImageLoadEvents, Code Integrity.", {
    PATH "path" Dict "Path of the loaded image.";
    NAME "name" Dict "Lower-case base name of path.";
    MD5 "md5" Md5 "MD5.";
    SHA1 "sha1" Sha1 "SHA-1.";
    SHA256 "sha256" Sha256 "SHA-256.";
    IMPHASH "imphash" Md5 "Import hash.";
    SIGNED "signed" Bool "Whether it is signed.";
    SIG_STATUS "sig_status" Dict "State of the signature.";
    SIGNER "signer" Dict "Signer.";
    COMPANY "company" Dict "Company of the version resource.";
    PRODUCT "product" Dict "Product of the version resource.";
    DESCR "descr" Dict "Description of the version resource.";
    FILEVER "filever" Dict "File version.";
    ORIG_NAME "orig_name" Dict "OriginalFileName of the version resource.";
    KIND "kind" Dict "dll or driver.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
