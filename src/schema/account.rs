//! Table `account`.

columns!(account, "Account, group, directory and privilege changes: Security 4720 to 4767, 4662, 5136, 4673.", {
    TARGET_USER "target_user" Dict "Account changed.";
    TARGET_DOMAIN "target_domain" Dict "Its domain.";
    TARGET_SID "target_sid" Dict "Its SID.";
    GROUP "group_name" Dict "Group changed.";
    GROUP_SID "group_sid" Dict "SID of the group.";
    MEMBER "member" Dict "Member added or removed (name).";
    MEMBER_SID "member_sid" Dict "Member added or removed (SID).";
    OBJECT "object" Dict "Directory object or object touched.";
    OBJECT_TYPE "object_type" Dict "Its type.";
    ATTR "attr" Dict "Attribute changed, or properties accessed.";
    OLD "old" Dict "Value before.";
    NEW "new" Dict "Value after.";
    ACCESS_MASK "access_mask" U32 "Access rights.";
    PRIVILEGES "privileges" Dict "Privileges.";
    SRC_IP "src_ip" Ip "Address it came from.";
    SRC_HOST "src_host" Dict "Name it came from.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
