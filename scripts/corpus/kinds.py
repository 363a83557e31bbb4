"""Which Windows events the corpus holds: channel, id, fields, and the text that Windows renders of them."""

import re

import make_sample as sample

SYSMON, POWERSHELL, DEFENDER = sample.SYSMON, sample.POWERSHELL, sample.DEFENDER
BITS, TASKS = "Microsoft-Windows-Bits-Client/Operational", "Microsoft-Windows-TaskScheduler/Operational"
WMI, CLASSIC = "Microsoft-Windows-WMI-Activity/Operational", "Windows PowerShell"
SESSIONS = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
PROVIDERS = {  # what the sample has no events of
    BITS: ("Microsoft-Windows-Bits-Client", "EF1CC15B-46C1-414E-BB95-E76B077BD51E"),
    TASKS: ("Microsoft-Windows-TaskScheduler", "DE7B24EA-73C8-4A09-985D-5BDADCFA9017"),
    WMI: ("Microsoft-Windows-WMI-Activity", "1418EF04-B0B4-4623-BF7E-D74AB47BBDAA"),
    CLASSIC: ("PowerShell", "00000000-0000-0000-0000-000000000000"),
    SESSIONS: ("Microsoft-Windows-TerminalServices-LocalSessionManager", "5D896912-022D-40AA-A3A8-4FA5515C76D7"),
}
# What Windows adds to each rendered logon and process event: about as long as the real notes, in other words.
LOGON_NOTE = (
    "A session was opened on this computer, which is the one that was reached.\r\n\r\nSubject is the local account "
    "that asked "
    "for the session; that is mostly a service, for example the file server, or a local process such as the one that "
    "shows the "
    "sign-in screen.\r\n\r\nThe type says how the session was opened; at the keyboard (2) and over the network (3) "
    "are seen "
    "most often.\r\n\r\nThe new session's fields name the account for which it was opened, that is who is now signed "
    "in."
    "\r\n\r\nThe network fields say where a remote request came from. The name of the workstation is not always known "
    "and may "
    "be empty.\r\n\r\nThe impersonation level says how far a process of this session may act as the "
    "client.\r\n\r\nThe fields "
    "about authentication describe this request.\r\n\t- The session's GUID joins this event with one of the key "
    "distribution "
    "center.\r\n\t- Transited services are those that took part on the way.\r\n\t- The package name says which of the "
    "NTLM "
    "protocols was used.\r\n\t- The key length is that of the session key; it is 0 where none was asked for.")
START_NOTE = (
    "The elevation type says which kind of token the new process received under the rules of User Account "
    "Control.\r\n\r\nType 1 "
    "is a full token from which no privilege and no group was taken. It is used where User Account Control is off, "
    "and for the "
    "built-in administrator and for service accounts.\r\n\r\nType 2 is an elevated token, again with all privileges "
    "and groups. "
    "It is used where User Account Control is on and the user chose to run the program as administrator, or where the "
    "program "
    "asks for it at every start and the user is in the group of administrators.\r\n\r\nType 3 is a limited token "
    "without "
    "administrative privileges and groups. It is used where User Account Control is on, the program asks for nothing, "
    "and the "
    "user did not choose to run it as administrator.")
TICKET_NOTE = (
    "This event is written each time a ticket is asked of the key distribution center. The service name is the "
    "resource that "
    "the ticket is for.\r\n\r\nIt joins with logon events by the GUID of the session. Codes of encryption types, "
    "options and "
    "failures are those of RFC 4120.")


class Kind:
    """`fields` is a text of names in the order of the record; `Name=text` is a field that never changes, `~` in
    its text a space; an underscore stands for the spaces in Defender's names. `open` are the names
    whose values an activity gives, in order."""

    def __init__(self, channel, code, title, fields, note="", spaced=False):
        self.channel, self.code, self.title, self.note = channel, code, title, note
        self.provider = (sample.PROVIDERS | PROVIDERS)[channel][0]
        self.fields = {}
        for item in fields.split():
            name, equals, text = item.partition("=")
            self.fields[name.replace("_", " ") if spaced else name] = text.replace("~", " ") if equals else None
        self.open = tuple(name for name, text in self.fields.items() if text is None)

    def message(self, value):
        """The rendered text; `value(name)` gives the text of a field."""
        if self.channel == SYSMON:
            return "\r\n".join([self.title + ":"] + [f"{name}: {value(name)}" for name in self.fields])
        if self.channel != "Security":
            return "\r\n".join([self.title] + [f"\t{name}: {value(name)}" for name in self.fields])
        lines, group = [self.title], None
        for name in self.fields:
            first, *rest = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+", name)
            if first != group:
                lines += ["", f"{first} Information:"]
                group = first
            lines.append(f"\t{' '.join(rest) or first}:\t\t{value(name)}")
        return "\r\n".join(lines + (["", self.note] if self.note else []))


SUBJECT = "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId "
ACTOR = "UtcTime ProcessGuid ProcessId Image "
BLOCK = "FileVersion Description Product Company OriginalFileName "
OBJECT = SUBJECT + "ObjectServer=Security ObjectType ObjectName HandleId "
KINDS = {
    "start": Kind(SYSMON, 1, "Process Create", "RuleName=- " + ACTOR + BLOCK + "CommandLine CurrentDirectory User "
                  "LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId "
                  "ParentImage ParentCommandLine ParentUser"),
    "end": Kind(SYSMON, 5, "Process terminated", "RuleName=- " + ACTOR + "User"),
    "connect": Kind(SYSMON, 3, "Network connection detected",
                    "RuleName=- " + ACTOR + "User Protocol Initiated SourceIsIpv6=false SourceIp SourceHostname "
                                            "SourcePort SourcePortName=- DestinationIsIpv6=false DestinationIp "
                                            "DestinationHostname DestinationPort DestinationPortName"),
    "query": Kind(SYSMON, 22, "Dns query", "RuleName=- UtcTime ProcessGuid ProcessId QueryName QueryStatus "
                                           "QueryResults Image User"),
    "write": Kind(SYSMON, 11, "File created", "RuleName=- " + ACTOR + "TargetFilename CreationUtcTime User"),
    "retime": Kind(SYSMON, 2, "File creation time changed", "RuleName=- " + ACTOR + "TargetFilename CreationUtcTime "
                   "PreviousCreationUtcTime User"),
    "delete": Kind(SYSMON, 23, "File Delete archived", "RuleName=- UtcTime ProcessGuid ProcessId User Image "
                                                       "TargetFilename Hashes IsExecutable=false Archived=true"),
    "remove": Kind(SYSMON, 26, "File Delete logged", "RuleName=- UtcTime ProcessGuid ProcessId User Image "
                                                     "TargetFilename Hashes IsExecutable=false"),
    "stream": Kind(SYSMON, 15, "File stream created", "RuleName=- " + ACTOR + "TargetFilename CreationUtcTime Hash "
                   "Contents User"),
    "set": Kind(SYSMON, 13, "Registry value set", "RuleName=- EventType=SetValue " + ACTOR + "TargetObject Details "
                "User"),
    "key": Kind(SYSMON, 12, "Registry object added or deleted", "RuleName=- EventType " + ACTOR + "TargetObject User"),
    "load": Kind(SYSMON, 7, "Image loaded", "RuleName=- " + ACTOR + "ImageLoaded " + BLOCK + "Hashes Signed Signature "
                 "SignatureStatus User"),
    "access": Kind(SYSMON, 10, "Process accessed", "RuleName=- UtcTime SourceProcessGUID SourceProcessId "
                                                   "SourceThreadId SourceImage TargetProcessGUID TargetProcessId "
                                                   "TargetImage GrantedAccess CallTrace SourceUser TargetUser"),
    "thread": Kind(SYSMON, 8, "CreateRemoteThread detected", "RuleName=- UtcTime SourceProcessGuid SourceProcessId "
                                                             "SourceImage TargetProcessGuid TargetProcessId "
                                                             "TargetImage NewThreadId StartAddress StartModule "
                                                             "StartFunction=- SourceUser TargetUser"),
    "pipe": Kind(SYSMON, 18, "Pipe Connected", "RuleName=- EventType=ConnectPipe UtcTime ProcessGuid ProcessId "
                                               "PipeName Image User"),
    "logon": Kind("Security", 4624, "An account was successfully logged on.",
                  SUBJECT + "TargetUserSid TargetUserName TargetDomainName TargetLogonId LogonType LogonProcessName "
                            "AuthenticationPackageName WorkstationName LogonGuid TransmittedServices=- LmPackageName "
                            "KeyLength ProcessId ProcessName IpAddress IpPort ImpersonationLevel=%%1833 "
                            "RestrictedAdminMode=- TargetOutboundUserName=- TargetOutboundDomainName=- "
                            "VirtualAccount=%%1843 TargetLinkedLogonId=0x0 ElevatedToken", LOGON_NOTE),
    "logon_failed": Kind("Security", 4625, "An account failed to log on.",
                         SUBJECT + "TargetUserSid=S-1-0-0 TargetUserName TargetDomainName Status=0xc000006d "
                                   "FailureReason=%%2313 SubStatus LogonType LogonProcessName "
                                   "AuthenticationPackageName WorkstationName TransmittedServices=- LmPackageName "
                                   "KeyLength=0 ProcessId ProcessName IpAddress IpPort", LOGON_NOTE),
    "logoff": Kind("Security", 4634, "An account was logged off.", "TargetUserSid TargetUserName TargetDomainName "
                                                                   "TargetLogonId LogonType",
                   "This event is written when a session ends. It joins with the logon event by the session's id, "
                   "which is unique between two starts of the same computer only."),
    "special": Kind("Security", 4672, "Special privileges assigned to new logon.", SUBJECT + "PrivilegeList"),
    "explicit": Kind("Security", 4648, "A logon was attempted using explicit credentials.",
                     SUBJECT + "LogonGuid TargetUserName TargetDomainName TargetLogonGuid TargetServerName TargetInfo "
                               "ProcessId ProcessName IpAddress IpPort",
                     "This event is written when a process logs an account on by naming its credentials, mostly "
                     "scheduled tasks and runas."),
    "start4688": Kind("Security", 4688, "A new process has been created.",
                      SUBJECT + "NewProcessId NewProcessName TokenElevationType ProcessId CommandLine "
                                "TargetUserSid=S-1-0-0 TargetUserName=- TargetDomainName=- TargetLogonId=0x0 "
                                "ParentProcessName MandatoryLabel", START_NOTE),
    "end4689": Kind("Security", 4689, "A process has exited.", SUBJECT + "Status ProcessId ProcessName"),
    "tgt": Kind("Security", 4768, "A Kerberos authentication ticket (TGT) was requested.",
                "TargetUserName TargetDomainName TargetSid ServiceName=krbtgt ServiceSid TicketOptions=0x40810010 "
                "Status TicketEncryptionType=0x12 PreAuthType=2 IpAddress IpPort CertIssuerName= CertSerialNumber= "
                "CertThumbprint=", TICKET_NOTE),
    "tgs": Kind("Security", 4769, "A Kerberos service ticket was requested.",
                "TargetUserName TargetDomainName ServiceName ServiceSid TicketOptions=0x40810000 "
                "TicketEncryptionType=0x12 IpAddress IpPort Status=0x0 LogonGuid TransmittedServices=-", TICKET_NOTE),
    "validate": Kind("Security", 4776, "The computer attempted to validate the credentials for an account.",
                     "PackageName=MICROSOFT_AUTHENTICATION_PACKAGE_V1_0 TargetUserName Workstation Status"),
    "share": Kind("Security", 5140, "A network share object was accessed.",
                  SUBJECT + "ObjectType=File IpAddress IpPort ShareName ShareLocalPath AccessMask=0x1 AccessList"),
    "share_file": Kind("Security", 5145, "A network share object was checked to see whether client can be granted "
                                         "desired access.", SUBJECT + "ObjectType=File IpAddress IpPort ShareName "
                       "ShareLocalPath RelativeTargetName AccessMask AccessList AccessReason=-"),
    "filter": Kind("Security", 5156, "The Windows Filtering Platform has permitted a connection.",
                   "ProcessID Application Direction SourceAddress SourcePort DestAddress DestPort Protocol FilterRTID "
                   "LayerName LayerRTID RemoteUserID=S-1-0-0 RemoteMachineID=S-1-0-0"),
    "bind": Kind("Security", 5158, "The Windows Filtering Platform has permitted a bind to a local port.",
                 "ProcessId Application SourceAddress=0.0.0.0 SourcePort Protocol FilterRTID=0 LayerName=%%14608 "
                 "LayerRTID=36"),
    "handle": Kind("Security", 4656, "A handle to an object was requested.",
                   OBJECT + "TransactionId={00000000-0000-0000-0000-000000000000} AccessList AccessReason=- "
                            "AccessMask PrivilegeList=- RestrictedSidCount=0 ProcessId ProcessName "
                            "ResourceAttributes=-"),
    "handle_closed": Kind("Security", 4658, "The handle to an object was closed.",
                          SUBJECT + "ObjectServer=Security HandleId ProcessId ProcessName"),
    "object": Kind("Security", 4663, "An attempt was made to access an object.",
                   OBJECT + "AccessList AccessMask ProcessId ProcessName ResourceAttributes=-"),
    "privilege": Kind("Security", 4673, "A privileged service was called.",
                      SUBJECT + "ObjectServer=Security Service=- PrivilegeList=SeTcbPrivilege ProcessId ProcessName"),
    "task": Kind("Security", 4698, "A scheduled task was created.", SUBJECT + "TaskName TaskContent"),
    "task_changed": Kind("Security", 4702, "A scheduled task was updated.", SUBJECT + "TaskName TaskContentNew"),
    "user_changed": Kind("Security", 4738, "A user account was changed.",
                         "Dummy=- TargetUserName TargetDomainName TargetSid " + SUBJECT + "PrivilegeList=- "
                         "SamAccountName DisplayName PasswordLastSet UserAccountControl=- SidHistory=-"),
    "member_added": Kind("Security", 4728, "A member was added to a security-enabled global group.",
                         "MemberName MemberSid TargetUserName TargetDomainName TargetSid " + SUBJECT + "PrivilegeList"
                         "=-"),
    "audit": Kind("Security", 4719, "System audit policy was changed.",
                  SUBJECT + "CategoryId=%%8272 SubcategoryId SubcategoryGuid AuditPolicyChanges=%%8449"),
    "service": Kind("System", 7045, "A service was installed in the system.",
                    "ServiceName ImagePath ServiceType=user~mode~service StartType AccountName=LocalSystem"),
    "service_state": Kind("System", 7036, "A service changed its state.", "param1 param2"),
    "service_mode": Kind("System", 7040, "The start type of a service was changed.", "param1 param2 param3 param4"),
    "script": Kind(POWERSHELL, 4104, "Creating Scriptblock text (1 of 1):",
                   "MessageNumber=1 MessageTotal=1 ScriptBlockText ScriptBlockId Path"),
    "module": Kind(POWERSHELL, 4103, "Executing Pipeline", "ContextInfo UserData= Payload"),
    "pipeline": Kind(CLASSIC, 800, "Pipeline execution details for command line:", "Data"),
    "threat": Kind(DEFENDER, 1116, "Microsoft Defender Antivirus has detected malware or other potentially unwanted "
                                   "software.", "Product_Name=Microsoft~Defender~Antivirus "
                                                "Product_Version=4.18.25070.5 Detection_ID Detection_Time Threat_ID "
                                                "Threat_Name Severity_ID=4 Severity_Name=High Category_ID=8 "
                                                "Category_Name=Trojan Process_Name Detection_User Path "
                                                "Execution_Name=Suspended Type_Name=FastPath "
                                                "Action_Name=Not~Applicable Error_Code=0x00000000 "
                                                "Engine_Version=AM:~1.1.25080.5", spaced=True),
    "defender": Kind(DEFENDER, 5007, "Microsoft Defender Antivirus Configuration has changed.",
                     "Product_Name=Microsoft~Defender~Antivirus Product_Version=4.18.25070.5 Old_Value New_Value",
                     spaced=True),
    "bits": Kind(BITS, 59, "BITS started a transfer job.", "transferId name Id url peer= "
                                                           "fileTime=2026-02-27T01:12:09Z fileLength bytesTotal "
                                                           "bytesTransferred=0 bytesTransferredFromPeer=0"),
    "action": Kind(TASKS, 200, "Task Scheduler launched an action.", "TaskName ActionName TaskInstanceId EnginePID"),
    "wmi": Kind(WMI, 5857, "A WMI provider started.", "ProviderName Code=0x0 HostProcess=wmiprvse.exe ProcessID "
                                                      "ProviderPath"),
    "session": Kind(SESSIONS, 24, "Remote Desktop Services: Session has been disconnected:", "User SessionID Address"),
}
for name, provider in PROVIDERS.items():
    sample.PROVIDERS.setdefault(name, provider)  # the sample's writers look the provider's GUID up there
for kind in KINDS.values():
    sample.TASKS.setdefault(kind.code, kind.title)
sample.TASK_IDS |= {4688: 13312, 4689: 13313, 5156: 12810, 5158: 12810, 4656: 12800, 4658: 12800, 4663: 12800,
                    4673: 13056, 4702: 12804,
                    4738: 13824, 4728: 13826, 4719: 13568, 4103: 106, 800: 8}
