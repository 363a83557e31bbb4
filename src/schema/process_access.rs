//! Table `process_access`.

columns!(process_access, "One process reaching into another: Sysmon 8, 9, 10, 25, Security 4656 and 4663 on processes, *ApiCall.", {
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
    TARGET_PID "target_pid" U32 "Process id of the target.";
    TARGET_GUID "target_guid" Dict "Sysmon ProcessGuid of the target.";
    TARGET_IMAGE "target_image" Dict "Full path of the target's executable, or the object's name.";
    TARGET_USER "target_user" Dict "User of the target.";
    ACCESS "access" U32 "Granted access rights.";
    CALL_TRACE "call_trace" Dict "Call trace (Sysmon 10).";
    START_ADDRESS "start_address" Dict "Start address of the new thread.";
    START_MODULE "start_module" Dict "Module of the start address.";
    START_FUNCTION "start_function" Dict "Function of the start address.";
    NEW_THREAD_ID "new_thread_id" U32 "Id of the new thread.";
    THREAD_ID "thread_id" U32 "Id of the acting thread.";
});
