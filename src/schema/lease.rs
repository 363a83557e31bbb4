//! Table `lease`.

columns!(lease, "Addresses given to hosts: Windows DHCP, ISC dhcpd, Zeek dhcp.", {
    IP "ip" Ip "Address.";
    MAC "mac" Mac "Hardware address.";
    CLIENT_HOST "client_host" Dict "Host name the client gave.";
    LEASE_S "lease_s" U32 "Lease time in seconds.";
    SERVER_IP "server_ip" Ip "DHCP server.";
});
