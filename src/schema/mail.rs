//! Table `mail`.

columns!(mail, "Mail in transit.", {
    MESSAGE_ID "message_id" Text "Message-ID.";
    QUEUE_ID "queue_id" Dict "Queue id.";
    SENDER "sender" Dict "Sender.";
    RECIPIENTS "recipients" List "Recipients.";
    SUBJECT "subject" Text "Subject.";
    SIZE "size" U64 "Size in bytes.";
    ATTACHMENTS "attachments" List "Names of attachments.";
    URLS "urls" List "URLs in the body.";
    DIRECTION "direction" Dict "inbound, outbound, internal.";
    VERDICT "verdict" Dict "Verdict.";
    CLIENT_IP "client_ip" Ip "Sending address.";
    CLIENT_HOST "client_host" Dict "Sending host.";
    CONNECTOR "connector" Dict "Connector.";
    STATUS "status" Dict "Delivery status.";
});
