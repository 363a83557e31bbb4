//! Table `persist`.

columns!(persist, "Services, scheduled tasks, WMI subscriptions and BITS jobs: System 7045, Security 4697 to 4702, TaskScheduler, Sysmon 19 to 21.", {
    KIND "kind" Dict "service, task, driver_service, wmi_filter, wmi_consumer, wmi_binding, wmi_provider, wmi_operation, bits, msi, print_driver.";
    NAME "name" Dict "Name of the service, task, filter, consumer or job.";
    DISPLAY_NAME "display_name" Dict "Display name.";
    COMMAND "command" Dict "Command, image path or consumer's destination.";
    ARGS "args" Dict "Arguments.";
    CONTENT "content" Dict "Task XML, WMI query or the job's detail.";
    ACCOUNT "account" Dict "Account it runs as.";
    START_TYPE "start_type" Dict "Start type.";
    SERVICE_TYPE "service_type" Dict "Service type.";
    STATE "state" Dict "State entered (7036) or value set (7040).";
    CONSUMER "consumer" Dict "Consumer of a binding.";
    FILTER "filter" Dict "Filter of a binding.";
    CLIENT_HOST "client_host" Dict "Host that asked for it.";
    CLIENT_PID "client_pid" U32 "Process that asked for it.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
