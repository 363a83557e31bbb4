//! Table `http`.

columns!(http, "Web requests: proxies, Zeek http, IIS, HttpConnectionInspected.", {
    CLIENT_IP "client_ip" Ip "Client address.";
    CLIENT_PORT "client_port" U16 "Client port.";
    DST_IP "dst_ip" Ip "Server address.";
    DST_PORT "dst_port" U16 "Server port.";
    METHOD "method" Dict "Request method.";
    SCHEME "scheme" Dict "http, https, tcp.";
    URL_HOST "url_host" Dict "Host of the URL, lower case.";
    URL_PORT "url_port" U16 "Port of the URL.";
    URL_PATH "url_path" Text "Path of the URL.";
    URL_QUERY "url_query" Text "Query of the URL without the question mark.";
    STATUS "status" U16 "Response status.";
    BYTES_OUT "bytes_out" U64 "Bytes from client to server.";
    BYTES_IN "bytes_in" U64 "Bytes from server to client.";
    UA "ua" Dict "User-Agent.";
    REFERER "referer" Text "Referer.";
    MIME "mime" Dict "Content type of the response.";
    DURATION_US "duration_us" U64 "Duration in microseconds.";
    VERDICT "verdict" Dict "allowed, blocked and the like.";
    CATEGORY "category" Dict "URL category.";
    THREAT "threat" Dict "Threat name given by the proxy.";
    S_ACTION "s_action" Dict "Cache or server action (TCP_MISS).";
    HIERARCHY "hierarchy" Dict "How the proxy reached the server (HIER_DIRECT).";
    SHA256 "sha256" Sha256 "SHA-256 of the body.";
    RULE "rule" Dict "Rule of the proxy.";
    APP "app" Dict "Application named by the proxy.";
    CONN_UID "conn_uid" Text "Id of the connection in the sensor (Zeek uid).";
    PID "pid" U32 "Process id of the acting process.";
    PROC_GUID "proc_guid" Dict "Sysmon ProcessGuid of the acting process.";
    PROC_START "proc_start" Ts "Start time of the acting process, where the record gives it.";
    IMAGE "image" Dict "Full path of the acting process's executable.";
});
