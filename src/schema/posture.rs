//! Table `posture`.

columns!(posture, "State of protection, logging and the device: Defender 5001, Security 1102 and 4719, System 104, Sysmon 4 and 16, DeviceInfo, Tvm.", {
    KIND "kind" Dict "av_mode, av_off, av_on, av_config, av_state, exclusion, audit_policy, log_cleared, log_stopped, fw_change, sysmon_config, system, device_info, tvm.";
    SETTING "setting" Dict "What the row is about: setting, subcategory, configuration id.";
    OLD "old" Dict "Value before.";
    NEW "new" Dict "Value after or now.";
    COMPLIANT "compliant" Bool "Whether it complies (Tvm).";
    APPLICABLE "applicable" Bool "Whether it applies (Tvm).";
    OS "os" Dict "Operating system.";
    OS_BUILD "os_build" Dict "Build.";
    DOMAIN "domain" Dict "Domain of the device.";
    ONBOARDING "onboarding" Dict "Onboarding state.";
    IPS "ips" List "Addresses of the device.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
