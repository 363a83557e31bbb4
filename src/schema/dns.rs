//! Table `dns`.

columns!(dns, "DNS questions and answers: Sysmon 22, DNS servers, Zeek dns, DNS-Client events.", {
    CLIENT_IP "client_ip" Ip "Address that asked.";
    CLIENT_PORT "client_port" U16 "Port that asked.";
    SERVER_IP "server_ip" Ip "Address that was asked.";
    SERVER_PORT "server_port" U16 "Port that was asked.";
    PROTO "proto" Dict "udp or tcp.";
    QNAME "qname" Dict "Name asked for: lower case, no trailing dot.";
    QTYPE "qtype" Dict "Record type by name (A, AAAA, TXT).";
    RCODE "rcode" Dict "Response code by name (NOERROR, NXDOMAIN).";
    ANSWERS "answers" List "Answers: addresses and names.";
    TTL_MIN "ttl_min" U32 "Smallest TTL of the answers, seconds; that of all where `extra` has no TTLs.";
    RTT_US "rtt_us" U64 "Time from question to answer, microseconds.";
    QCLASS "qclass" U16 "Class of the question by number; 1 is IN.";
    Z "z" U8 "The reserved bits of the header.";
    REJECTED "rejected" Bool "Whether the server refused to answer.";
    FLAGS "flags" Dict "Flags as logged.";
    TXID "txid" U16 "Transaction id.";
    BLOCKED "blocked" Bool "Whether the resolver blocked it.";
    CATEGORIES "categories" Dict "Categories given by the resolver.";
    CONN_UID "conn_uid" Text "Id of the connection in the sensor (Zeek uid).";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
