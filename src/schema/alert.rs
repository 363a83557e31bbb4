//! Table `alert`.

columns!(alert, "Detections of other products: Defender 1116 and the like, AlertEvidence, IDS.", {
    PRODUCT "product" Dict "Product.";
    TITLE "title" Dict "Title.";
    SEVERITY "severity" Dict "Severity, as logged.";
    CATEGORY "category" Dict "Category.";
    THREAT "threat" Dict "Threat name.";
    DETECTION_ID "detection_id" Dict "Id of the detection.";
    TECHNIQUES "techniques" List "ATT&CK ids given by the product.";
    OBJECT "object" Dict "Path, URL or address detected.";
    SHA1 "sha1" Sha1 "SHA-1.";
    SHA256 "sha256" Sha256 "SHA-256.";
    ACTION_TAKEN "action_taken" Dict "What the product did.";
    RULE "rule" Dict "Rule (ASR id).";
    EVIDENCE "evidence" Dict "Evidence as logged.";
    STATUS "status" Dict "Status or error.";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
