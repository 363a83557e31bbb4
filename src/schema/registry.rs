//! Table `registry`.

columns!(registry, "Registry changes: Sysmon 12 to 14, Security 4657, DeviceRegistryEvents.", {
    KEY "key" Dict "Key as logged, without the value's name where the source joins them (Sysmon 13).";
    VALUE_NAME "value_name" Dict "Name of the value.";
    DATA "data" Dict "Data of the value after the change.";
    DATA_TYPE "data_type" Dict "Type of the data.";
    PREV_KEY "prev_key" Dict "Key before a rename.";
    PREV_DATA "prev_data" Dict "Data before the change.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
