//! The lists behind [`super::domains`]: zones of services, sorted, in lower case. All are this project's own.

/// Dynamic-DNS zones that providers publish. Source: the providers' own lists of zones.
#[rustfmt::skip]
pub(super) static DYNAMIC_DNS: &[&str] = &[
    "0am.jp", "0g0.jp", "0j0.jp", "0t0.jp", "25u.com", "2waky.com", "3322.org", "3utilities.com", "4dq.com",
    "4pu.com", "51vip.biz", "8800.org", "8866.org", "9966.org", "access.ly", "accesscam.org", "afraid.org",
    "almostmy.com", "asuscomm.com", "ath.cx", "blogsyte.com", "bounceme.net", "camdvr.org", "casacam.net",
    "changeip.com", "changeip.net", "changeip.org", "chickenkiller.com", "crabdance.com", "daemon.asia",
    "ddns.info", "ddns.me", "ddns.mobi", "ddns.ms", "ddns.net", "ddns.us", "ddnsfree.com", "ddnsgeek.com",
    "ddnsking.com", "ddnss.de", "ddnss.org", "ddo.jp", "dip.jp", "diskstation.me", "dix.asia", "dns-dns.com",
    "dns.army", "dns.navy", "dns04.com", "dns05.com", "dnsalias.com", "dnsalias.net", "dnsalias.org", "dnsdojo.com",
    "dnsdojo.net", "dnsdynamic.org", "dnsfor.me", "dnsomatic.com", "dscloud.biz", "dscloud.me", "dscloud.mobi",
    "dsmtp.com", "dtdns.net", "duckdns.org", "dyn-ip24.de", "dynalias.com", "dynalias.net", "dynalias.org",
    "dynamic-dns.net", "dynamicdns.biz", "dyndns-home.com", "dyndns-ip.com", "dyndns-web.com", "dyndns.biz",
    "dyndns.info", "dyndns.org", "dyndns.tv", "dyndns.ws", "dynu.com", "dynu.net", "dynv6.net", "eicp.net",
    "ezua.com", "f3322.net", "f3322.org", "f5.si", "fam.cx", "firewall-gateway.com", "firewall-gateway.de",
    "freeddns.org", "freetcp.com", "ftpserver.biz", "gettrials.com", "gicp.net", "giize.com", "gleeze.com",
    "gotdns.ch", "gotdns.com", "gotdns.org", "hldns.ru", "home-webserver.de", "homeip.net", "homelinux.com",
    "homelinux.net", "homelinux.org", "homeunix.com", "homeunix.net", "homeunix.org", "hopto.org", "i234.me",
    "ignorelist.com", "iobb.net", "is-a-geek.com", "itemdb.com", "itsaol.com", "jetos.com", "jkub.com",
    "jumpingcrab.com", "keenetic.link", "keenetic.pro", "keyword-on.net", "kicks-ass.net", "kicks-ass.org",
    "kozow.com", "lflink.com", "lflinkup.com", "line.pm", "linkpc.net", "live-on.net", "longmusic.com",
    "loseyourip.com", "mefound.com", "moe.hm", "moneyhome.biz", "mooo.com", "mrbasic.com", "mrbonus.com",
    "mrface.com", "my-firewall.org", "my-wan.de", "my03.com", "mycloudnas.com", "mydns.jp", "mydns.to", "mydns.tw",
    "mydns.vc", "myds.me", "myfritz.net", "myftp.biz", "myftp.org", "myhome-server.de", "mynumber.org",
    "myqnapcloud.com", "myvnc.com", "mywire.org", "myz.info", "no-ip.biz", "no-ip.com", "no-ip.info", "no-ip.org",
    "noip.me", "noip.us", "ns01.biz", "ns01.info", "ns01.us", "ns02.biz", "ns02.info", "ns02.us", "ns1.name",
    "nsupdate.info", "onmypc.biz", "onmypc.net", "onmypc.org", "onmypc.us", "onthewifi.com", "ooguy.com",
    "oray.net", "organiccrap.com", "otzo.com", "pgw.jp", "port25.biz", "proxydns.com", "publicvm.com", "pubyun.com",
    "qpoe.com", "rebatesrule.net", "redirectme.net", "selfhost.de", "selfhost.eu", "selfip.biz", "selfip.com",
    "selfip.info", "selfip.net", "selfip.org", "sendsmtp.com", "servebeer.com", "serveblog.net",
    "servecounterstrike.com", "serveftp.com", "servegame.com", "servehalflife.com", "servehttp.com", "serveirc.com",
    "serveminecraft.net", "servemp3.com", "servepics.com", "servequake.com", "server-on.net", "sexidude.com",
    "sixth.biz", "slyip.com", "slyip.net", "spdns.de", "spdns.eu", "spdns.org", "squirly.info", "ssl443.org",
    "strangled.net", "synology.me", "sytes.net", "theworkpc.com", "toh.info", "toythieves.com", "tplinkdns.com",
    "trickip.net", "trickip.org", "twilightparadox.com", "us.to", "vicp.cc", "vicp.net", "viewdns.net",
    "vizvaz.com", "webhop.me", "webredirect.org", "wikaba.com", "wjg.jp", "wwwhost.biz", "x24hr.com", "xicp.net",
    "xxuz.com", "xxxy.biz", "xxxy.info", "youdontcare.com", "yourtrap.com", "zapto.org", "zyns.com", "zzux.com",
];

/// Content networks and clouds under whose zones many unrelated customers have machine-made names.
#[rustfmt::skip]
pub(super) static CDN_OR_CLOUD: &[&str] = &[
    "1e100.net", "2o7.net", "a-msedge.net", "aaplimg.com", "adobedtm.com", "akadns.net", "akamai.net",
    "akamaiedge.net", "akamaihd.net", "akamaistream.net", "akamaitechnologies.com", "akamaized.net",
    "alibabadns.com", "alicdn.com", "alikunlun.com", "alikunlun.net", "aliyuncs.com", "amazonaws.com",
    "amplifyapp.com", "app-measurement.com", "apple-dns.net", "appspot.com", "aspnetcdn.com", "atl-paas.net",
    "atlassian.net", "aws.dev", "awsglobalaccelerator.com", "awsstatic.com", "ax-msedge.net", "azure-api.net",
    "azure-devices.net", "azure.com", "azure.net", "azureedge.net", "azurefd.net", "azurestaticapps.net",
    "azurewebsites.net", "b-cdn.net", "b-msedge.net", "baidubce.com", "bcebos.com", "bdydns.com",
    "bootstrapcdn.com", "bunny.net", "bunnycdn.com", "bytecdn.cn", "byteoversea.com", "c-msedge.net",
    "cachefly.net", "cdn-apple.com", "cdn-cookielaw.org", "cdn.cloudflare.net", "cdn77.com", "cdn77.net",
    "cdn77.org", "cdnetworks.net", "cdnga.net", "cdngc.net", "cdnhwc1.com", "cdninstagram.com", "chinacache.net",
    "chinanetcenter.com", "cloudapp.azure.com", "cloudapp.net", "cloudflare-dns.com", "cloudflare.com",
    "cloudflare.net", "cloudflareinsights.com", "cloudflarestorage.com", "cloudfront.net", "cloudfunctions.net",
    "cookielaw.org", "datadoghq.com", "demdex.net", "digitaloceanspaces.com", "dnsv1.com", "dual-s-msedge.net",
    "e-msedge.net", "edgecastcdn.net", "edgecastdns.net", "edgekey.net", "edgesuite.net", "elasticbeanstalk.com",
    "facebook.net", "fastly-edge.com", "fastly.net", "fastlylb.net", "fb-t-msedge.net", "fbcdn.net",
    "firebaseapp.com", "firebaseio.com", "fly.dev", "footprint.net", "footprintdns.com", "force.com", "gccdn.net",
    "ggpht.com", "ghs-ssl.googlehosted.com", "githubassets.com", "githubusercontent.com", "gitlab-static.net",
    "googleapis.com", "googlehosted.com", "googleusercontent.com", "googlevideo.com", "gstatic.com", "gvt1.com",
    "gvt2.com", "gvt3.com", "herokuapp.com", "herokudns.com", "highwinds.com", "hs-scripts.com",
    "hubspotusercontent.net", "hwcdn.net", "hwclouds-dns.com", "ibytedtos.com", "icloud-content.com",
    "impervadns.net", "incapdns.net", "jsdelivr.net", "kunluncan.com", "kunlunsl.com", "kxcdn.com", "l-msedge.net",
    "launchdarkly.com", "licdn.com", "limelight.com", "line-apps.com", "line-scdn.net", "linodeobjects.com",
    "lldns.net", "llnw.net", "llnwd.net", "lxdns.com", "media-amazon.com", "microsoftonline.com", "msecnd.net",
    "msedge.net", "myhuaweicloud.com", "myqcloud.com", "myshopify.com", "mzstatic.com", "netdna-cdn.com",
    "netdna-ssl.com", "netlify.app", "netlify.com", "newrelic.com", "nflxext.com", "nflxso.net", "nflxvideo.net",
    "nimg.jp", "now.sh", "nr-data.net", "oci.customer-oci.com", "office.net", "omtrdc.net", "ondigitalocean.app",
    "onedrive.com", "onetrust.com", "onrender.com", "oraclecloud.com", "oraclevcn.com", "ourwebpic.com",
    "pages.dev", "panthercdn.com", "parastorage.com", "qcloudcdn.com", "quic.cloud", "r2.dev", "railway.app",
    "rakuten-static.com", "render.com", "run.app", "s-msedge.net", "sakura.ne.jp", "sakurastorage.jp",
    "salesforce.com", "salesforceliveagent.com", "scdn.co", "sentry.io", "sharepointonline.com", "shopifycdn.com",
    "slack-edge.com", "speedcdns.com", "spotifycdn.com", "squarespace-cdn.com", "srip.net", "ssl-images-amazon.com",
    "stackpathcdn.com", "stackpathdns.com", "sucuri.net", "svc.ms", "systemcdn.net", "t-msedge.net", "tbcache.com",
    "tencent-cloud.net", "trafficmanager.net", "transactcdn.net", "twimg.com", "typekit.net", "unpkg.com",
    "vercel-dns.com", "vercel.app", "vo.msecnd.net", "volcgslb.com", "vultrobjects.com", "web.app", "whatsapp.net",
    "windows.net", "windowsupdate.com", "wixstatic.com", "workers.dev", "wp.com", "wscdns.com", "wsdvs.com",
    "yimg.jp", "ytimg.com", "zdassets.com", "zoomgov.com",
];

/// Cloud storage and synchronisation.
#[rustfmt::skip]
pub(super) static CLOUD_STORAGE: &[&str] = &[
    "1024terabox.com", "1drv.com", "1drv.ms", "4shared.com", "backblaze.com", "backblazeb2.com",
    "blob.core.windows.net", "box.com", "box.net", "boxcloud.com", "cloud.mail.ru", "datadeliver.net", "degoo.com",
    "digitaloceanspaces.com", "disk.yandex.com", "disk.yandex.ru", "docs.google.com", "drive.google.com",
    "dropbox.com", "dropboxapi.com", "dropboxusercontent.com", "firestorage.com", "firestorage.jp",
    "getuploader.com", "gigafile.nu", "hubic.com", "icedrive.io", "icedrive.net", "icloud-content.com",
    "icloud.com", "idrive.com", "infini-cloud.net", "internxt.com", "jottacloud.com", "koofr.eu", "koofr.net",
    "mediafire.com", "mega.co.nz", "mega.io", "mega.nz", "nextcloud.com", "onedrive.live.com", "pan.baidu.com",
    "pcloud.com", "pcloud.link", "proton.me", "r2.cloudflarestorage.com", "r2.dev", "s3.amazonaws.com",
    "seafile.com", "sharepoint.com", "spideroak.com", "storage.googleapis.com", "storage.live.com", "storj.io",
    "storjshare.io", "sync.com", "syncusercontent.com", "terabox.com", "teracloud.jp", "tresorit.com",
    "userstorage.mega.co.nz", "wasabisys.com", "workdrive.zoho.com", "yadi.sk", "yandexcloud.net", "zoho.com",
];

/// Text paste sites.
#[rustfmt::skip]
pub(super) static PASTE_SITES: &[&str] = &[
    "0bin.net", "bpa.st", "cl1p.net", "controlc.com", "doxbin.com", "doxbin.org", "dpaste.com", "dpaste.org",
    "ghostbin.co", "ghostbin.com", "gist.github.com", "gist.githubusercontent.com", "hastebin.com", "hpaste.org",
    "ix.io", "justpaste.it", "p.ip.fi", "paste.c-net.org", "paste.ee", "paste.mozilla.org", "paste.rs",
    "pastebin.ai", "pastebin.com", "pastebin.pl", "pastes.io", "pastie.org", "privatebin.info", "privatebin.net",
    "rentry.co", "rentry.org", "snippet.host", "sprunge.us", "termbin.com", "text.is", "textbin.net",
];

/// Anonymous file drops and transfer services.
#[rustfmt::skip]
pub(super) static FILE_DROPS: &[&str] = &[
    "0x0.st", "1fichier.com", "anonfile.com", "anonfiles.com", "bashupload.com", "bayfiles.com", "buzzheavier.com",
    "catbox.moe", "dropfiles.org", "dropmefiles.com", "easyupload.io", "file.io", "file.pizza", "filebin.net",
    "fileditch.com", "filemail.com", "filetransfer.io", "fromsmash.com", "gofile.io", "hostize.com", "katfile.com",
    "krakenfiles.com", "limewire.com", "litterbox.catbox.moe", "mixdrop.co", "mixdrop.to", "nitroflare.com",
    "oshi.at", "pixeldrain.com", "pomf.cat", "put.re", "qaz.im", "rapidgator.net", "send-anywhere.com",
    "send.exploit.in", "sendbig.com", "sendgb.com", "sendspace.com", "smash.gg", "storage.to", "swisstransfer.com",
    "temp.sh", "tempsend.com", "tmpfiles.org", "transfer.sh", "turbobit.net", "ufile.io", "uguu.se", "uploaded.net",
    "uploadfiles.io", "uploadnow.io", "we.tl", "wetransfer.com", "workupload.com", "wormhole.app", "zippyshare.com",
];

/// Messaging services whose interfaces take uploads, and collectors of requests.
#[rustfmt::skip]
pub(super) static MESSAGING_WEBHOOKS: &[&str] = &[
    "api.telegram.org", "beeceptor.com", "burpcollaborator.net", "canarytokens.com", "cdn.discordapp.com",
    "ceye.io", "discord.com", "discordapp.com", "dnslog.cn", "free.beeceptor.com", "hookbin.com", "hooks.slack.com",
    "interact.sh", "loca.lt", "localhost.run", "m.pipedream.net", "media.discordapp.net", "ngrok-free.app",
    "ngrok.app", "ngrok.io", "oast.fun", "oast.live", "oast.me", "oast.online", "oast.pro", "oast.site",
    "oastify.com", "pipedream.net", "requestbin.com", "requestbin.net", "requestcatcher.com", "serveo.net",
    "trycloudflare.com", "webhook.site",
];

/// Names of public DNS-over-HTTPS resolvers. Source: the operators' documentation.
#[rustfmt::skip]
pub(super) static DOH_RESOLVERS: &[&str] = &[
    "1dot1dot1dot1.cloudflare-dns.com", "chrome.cloudflare-dns.com", "cloudflare-dns.com", "dns-family.adguard.com",
    "dns-unfiltered.adguard.com", "dns.adguard-dns.com", "dns.adguard.com", "dns.alidns.com", "dns.controld.com",
    "dns.digitale-gesellschaft.ch", "dns.google", "dns.google.com", "dns.mullvad.net", "dns.nextdns.io",
    "dns.njal.la", "dns.pub", "dns.quad9.net", "dns.sb", "dns.switch.ch", "dns.twnic.tw", "dns.umbrella.com",
    "dns0.eu", "dns10.quad9.net", "dns11.quad9.net", "dns64.dns.google", "dns9.quad9.net", "dnsforge.de",
    "doh.360.cn", "doh.applied-privacy.net", "doh.centraleu.pi-dns.com", "doh.cleanbrowsing.org", "doh.crypto.sx",
    "doh.dns.sb", "doh.familyshield.opendns.com", "doh.ffmuc.net", "doh.libredns.gr", "doh.mullvad.net",
    "doh.opendns.com", "doh.powerdns.org", "doh.pub", "doh.sandbox.opendns.com", "doh.tiarap.org",
    "doh.umbrella.com", "doh.xfinity.com", "family.adguard-dns.com", "family.cloudflare-dns.com",
    "freedns.controld.com", "jp.tiar.app", "mozilla.cloudflare-dns.com", "one.one.one.one", "ordns.he.net",
    "public.dns.iij.jp", "security.cloudflare-dns.com", "unfiltered.adguard-dns.com",
];

/// Zones in which long, unique names are the service itself: block lists, reputation, antivirus cloud lookups,
/// telemetry.
#[rustfmt::skip]
pub(super) static DNS_BULK_LOOKUPS: &[&str] = &[
    "abuseat.org", "abusix.zone", "activeupdate.trendmicro.com", "avast.com", "avcdn.net", "avg.com",
    "avqs.mcafee.com", "avts.mcafee.com", "backscatterer.org", "barracudacentral.org", "bitdefender.com",
    "bitdefender.net", "bl.score.senderscore.com", "brightcloud.com", "checkpoint.com", "cisco.com",
    "cloudsink.net", "cpcheckpoint.com", "crowdstrike.com", "cymru.com", "dns-sd.org", "dnswl.org",
    "dq.spamhaus.net", "e2ro.com", "e5.sk", "eset.com", "esetnod32.ru", "events.data.microsoft.com", "f-secure.com",
    "ff.avast.com", "fortiguard.com", "fortiguard.net", "fortinet.net", "fsapi.com", "gti.mcafee.com", "habeas.com",
    "in-addr.arpa", "invaluement.com", "ip6.arpa", "ironport.com", "isipp.com", "ivast.com", "kaspersky-labs.com",
    "kaspersky.com", "kaspersky.net", "ksn-a-stat.geo.kaspersky.com", "mailabuse.org", "mailshell.net",
    "mailspike.net", "malwarebytes.com", "mbamupdates.com", "mcafee.com", "mcafeesecure.com", "msftncsi.com",
    "nimbus.bitdefender.net", "njabl.org", "norton.com", "nortonlifelock.com", "opendns.com",
    "origin.asn.cymru.com", "paloaltonetworks.com", "psbl.org", "rbl.jp", "senderbase.org", "senderscore.com",
    "sentinelone.net", "smartscreen.microsoft.com", "sophos.com", "sophosupd.com", "sophosxl.com", "sophosxl.net",
    "sorbs.net", "spamcop.net", "spamhaus.net", "spamhaus.org", "spamrats.com", "support-intelligence.net",
    "surbl.org", "symantec.com", "symantecliveupdate.com", "team-cymru.org", "teamcymru.com", "trellix.com",
    "trendmicro.co.jp", "trendmicro.com", "uceprotect.net", "umbrella.com", "uribl.com", "url.trendmicro.com",
    "urlcloud.paloaltonetworks.com", "wdcp.microsoft.com", "webroot.com", "webrootcloudav.com", "zscaler.net",
    "zscalertwo.net", "zscloud.net",
];

/// Addresses of public resolvers that also speak DNS over HTTPS, in canonical text form.
#[rustfmt::skip]
pub(super) static DOH_ADDRESSES: &[&str] = &[
    "1.0.0.1", "1.0.0.2", "1.0.0.3", "1.1.1.1", "1.1.1.2", "1.1.1.3", "1.12.12.12", "120.53.53.53",
    "149.112.112.10", "149.112.112.11", "149.112.112.112", "185.222.222.222", "185.228.168.10", "185.228.168.168",
    "185.228.168.9", "185.228.169.11", "185.228.169.9", "194.242.2.2", "2001:4860:4860::8844",
    "2001:4860:4860::8888", "208.67.220.123", "208.67.220.220", "208.67.222.123", "208.67.222.222", "223.5.5.5",
    "223.6.6.6", "2606:4700:4700::1001", "2606:4700:4700::1111", "2620:119:35::35", "2620:119:53::53", "2620:fe::9",
    "2620:fe::fe", "45.11.45.11", "45.90.28.0", "45.90.30.0", "76.76.10.0", "76.76.2.0", "8.8.4.4", "8.8.8.8",
    "9.9.9.10", "9.9.9.11", "9.9.9.9", "94.140.14.14", "94.140.14.140", "94.140.14.141", "94.140.14.15",
    "94.140.15.15", "94.140.15.16",
];
