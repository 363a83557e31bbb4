//! Table `script`.

columns!(script, "Script text and engine life: PowerShell 4103, 4104, 400, 600, 800, AMSI.", {
    ENGINE "engine" Dict "powershell, wmi, amsi, vbs, office.";
    BLOCK_ID "block_id" Dict "ScriptBlockId.";
    PART "part" U16 "Number of this part.";
    PARTS "parts" U16 "Number of parts.";
    TEXT "text" Text "Script text, or the payload of a pipeline record.";
    PATH "path" Dict "Path of the script.";
    HOST_APP "host_app" Dict "Command line of the hosting application.";
    CONTEXT "context" Dict "Context lines as logged.";
    ENGINE_VER "engine_ver" Dict "Engine version.";
    LEVEL "level" Dict "Level as logged.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
