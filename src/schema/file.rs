//! Table `file`.

columns!(file, "File, pipe and share activity: Sysmon 2, 11, 15, 17, 18, 23, 26 to 29, Security 4663 and 5145, DeviceFileEvents, Zeek files and smb.", {
    PATH "path" Dict "Path of the file, pipe or share member.";
    NAME "name" Dict "Lower-case base name of path.";
    EXT "ext" Dict "Lower-case extension without dot.";
    PREV_PATH "prev_path" Dict "Path before a rename.";
    SIZE "size" U64 "Size in bytes.";
    MD5 "md5" Md5 "MD5.";
    SHA1 "sha1" Sha1 "SHA-1.";
    SHA256 "sha256" Sha256 "SHA-256.";
    IMPHASH "imphash" Md5 "Import hash.";
    KIND "kind" Dict "file, dir, pipe, share, stream.";
    SHARE "share" Dict "Share name as logged.";
    ACCESS_MASK "access_mask" U32 "Access rights asked for.";
    ACCESS_LIST "access_list" Dict "Access rights as logged (%%44xx).";
    CLIENT_IP "client_ip" Ip "Address of the client (5140, 5145, smb).";
    CLIENT_PORT "client_port" U16 "Port of the client.";
    CONTENTS "contents" Dict "Text of a small stream (Zone.Identifier).";
    ORIGIN_URL "origin_url" Dict "Where the file came from.";
    REFERRER_URL "referrer_url" Dict "Page that linked to it.";
    MIME "mime" Dict "MIME type seen on the wire.";
    CREATION_TS "creation_ts" Ts "Creation time of the file (after the change).";
    PREV_CREATION_TS "prev_creation_ts" Ts "Creation time before the change (Sysmon 2).";
    CONN_UID "conn_uid" Text "Id of the connection in the sensor (Zeek uid).";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
