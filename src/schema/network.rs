//! Table `network`.

columns!(network, "Connections and flows: Sysmon 3, Security 5156, DeviceNetworkEvents, Zeek conn and ssl, firewalls.", {
    DIRECTION "direction" Dict "in or out, as seen from the host.";
    PROTO "proto" Dict "Transport protocol, lower case.";
    SRC_IP "src_ip" Ip "Source address.";
    SRC_PORT "src_port" U16 "Source port.";
    SRC_HOST "src_host" Dict "Name of the source, as logged.";
    DST_IP "dst_ip" Ip "Destination address.";
    DST_PORT "dst_port" U16 "Destination port.";
    DST_HOST "dst_host" Dict "Name of the destination, as logged (DNS name, RemoteUrl, SNI).";
    SRC_PORT_NAME "src_port_name" Dict "Service name of the source port.";
    DST_PORT_NAME "dst_port_name" Dict "Service name of the destination port.";
    APP "app" Dict "Application protocol.";
    BYTES_OUT "bytes_out" U64 "Bytes from source to destination.";
    BYTES_IN "bytes_in" U64 "Bytes from destination to source.";
    PKTS_OUT "pkts_out" U64 "Packets from source to destination.";
    PKTS_IN "pkts_in" U64 "Packets from destination to source.";
    DURATION_US "duration_us" U64 "Duration in microseconds.";
    CONN_STATE "conn_state" Dict "Connection state (Zeek).";
    RULE "rule" Dict "Rule of the firewall or sensor.";
    NAT_SRC "nat_src" Ip "Source after translation.";
    NAT_DST "nat_dst" Ip "Destination after translation.";
    ZONE_IN "zone_in" Dict "Zone or interface of entry.";
    ZONE_OUT "zone_out" Dict "Zone or interface of exit.";
    TLS_SNI "tls_sni" Dict "Server name of the TLS hello.";
    TLS_VERSION "tls_version" Dict "TLS version.";
    TLS_JA3 "tls_ja3" Dict "JA3 fingerprint of the client.";
    TLS_JA3S "tls_ja3s" Dict "JA3S fingerprint of the server.";
    CERT_SUBJECT "cert_subject" Dict "Subject of the server certificate.";
    CERT_ISSUER "cert_issuer" Dict "Issuer of the server certificate.";
    CONN_UID "conn_uid" Text "Id of the connection in the sensor (Zeek uid).";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
