"""The invented fleet: hosts, users, external names. Built from one seed, the same in every worker."""

import random

import make_sample as sample

GIVEN = ("aiko akira asami ayumi chie daichi daiki eiko emi fumio goro hana haruki hideo hiroshi ichiro jun kaede kana "
         "kaori kazuo kei kenji kiyomi kota mai makoto mami mari masaki megumi mei mika minoru misaki naoko naoto "
         "noboru "
         "nozomi osamu rei ren riko rina ryo sachi satoshi sayuri shinji shiori shota sota sumire tadashi takumi "
         "tamaki "
         "tomoko toru tsubasa wakana yasuo yoko yui yuki yuta").split()
FAMILY = ("abe aoki arai endo fujii fujita fukuda goto hara harada hasegawa hayashi honda hoshino igarashi iida imai "
          "inoue "
          "ishida ishii ishikawa ito iwasaki kaneko kato kawaguchi kikuchi kimura kinoshita kobayashi kojima kondo "
          "kubo kudo "
          "maeda maruyama matsuda matsui matsumoto miura miyazaki mori morita murakami murata nagai nakagawa nakajima "
          "nakamura nakano nakayama nishimura noguchi nomura ogawa okada okamoto ono ota otsuka ono saito sakai "
          "sakamoto "
          "sakurai sano sasaki sato shibata shimada shimizu sugawara sugiyama suzuki taguchi takada takagi takahashi "
          "takeuchi tamura tanaka taniguchi uchida ueda ueno wada watanabe yamada yamaguchi yamamoto yamashita "
          "yokoyama "
          "yoshida yoshikawa").split()
WORDS = ("amber arbor atlas basil birch breeze cedar cinder clover comet coral crane delta dune ember fable falcon "
         "fern "
         "field flint forge garnet glade grove harbor hazel heron iris ivory jade juniper karst lagoon lark linden "
         "lotus "
         "maple marble meadow mesa mint moss nimbus north nova oak ocean onyx opal orbit pebble pine plume prairie "
         "quartz "
         "quill raven reef ridge river rowan saffron sage shore sierra slate solar spruce stone summit tide timber "
         "topaz "
         "vale velvet violet walnut willow zenith").split()
SITES = ("TYO", "OSA", "NGY", "FUK", "SPK", "SIN", "FRA", "NYC")
ROLES = ("APP", "SQL", "WEB", "FIL", "PRT", "JMP", "BLD", "MON")
SUFFIXES = ("example", "example.com", "example.net", "example.org")
SERVICES = ("www", "api", "cdn", "static", "img", "login", "telemetry", "update", "events", "mail", "assets", "edge",
            "ws", "auth")


class User:
    __slots__ = ("name", "sid", "full")

    def __init__(self, name, n):
        self.name, self.sid, self.full = name, f"{sample.SID_BASE}-{1100 + n}", f"{sample.NETBIOS}\\{name}"


class Host:
    __slots__ = ("ix", "name", "fqdn", "ip", "mac", "machine", "server", "users", "start")

    def __init__(self, ix, name, ip, server, users):
        self.ix, self.name, self.ip, self.server, self.users = ix, name, ip, server, users
        self.fqdn = f"{name}.{sample.DOMAIN}"
        self.mac = "00155D" + sample.digest("mac" + name, 6).upper()
        self.machine = sample.digest("machine" + name, 8)
        self.start = int(sample.digest("records" + name, 6), 16)  # where its record ids begin


class Fleet:
    """`pick_*` are skewed as real ones are: few names carry most of the traffic, the tail is long."""

    def __init__(self, seed, hosts, users):
        rng = random.Random(f"fleet {seed}")
        self.users = people(rng, users)
        self.controllers = max(2, hosts // 250)
        servers = max(self.controllers + 2, hosts // 8)
        self.hosts = [machine(ix, servers, self.controllers, self.users, rng) for ix in range(hosts)]
        self.servers, self.workstations = self.hosts[:servers], self.hosts[servers:] or self.hosts
        self.names = external_names(rng, 12_000)
        self.addresses = {name: addresses(rng) for name in self.names}
        self.internal = [host.fqdn for host in self.servers]
        self.resolvers = [host.ip for host in self.servers[:self.controllers]]

    def pick_host(self, r):
        """Two records of five are of servers, a third of those of domain controllers."""
        x = r.random()
        if x < 0.13:
            return self.hosts[int(x / 0.13 * self.controllers)]
        if x < 0.4:
            return self.servers[int((x - 0.13) / 0.27 * len(self.servers))]
        return self.workstations[int((x - 0.4) / 0.6 * len(self.workstations))]

    def pick_name(self, r):
        return self.names[int(r.random() ** 3 * len(self.names))]

    def pick_user(self, r):
        return self.users[int(r.random() * len(self.users))]


def people(rng, n):
    pairs = [f"{g[0]}.{f}" for f in FAMILY for g in GIVEN]
    names, seen = [], {}
    for _ in range(n):
        name = pairs[rng.randrange(len(pairs))]
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}{seen[name]}")
    return [User(name, k) for k, name in enumerate(names)]


def machine(ix, servers, controllers, users, rng):
    site = SITES[ix % len(SITES)]
    if ix < controllers:
        name = f"DC-{site}-{ix:02}"
    elif ix < servers:
        name = f"{ROLES[ix % len(ROLES)]}-{site}-{ix:03}"
    else:
        name = f"WS-{site}-{ix:05}"
    own = [users[(ix * 7 + k) % len(users)] for k in range(1 if ix >= servers else 6)]
    if ix >= servers and rng.random() < 0.3:
        own.append(users[rng.randrange(len(users))])
    return Host(ix, name, f"10.{20 + ix // 62500}.{ix // 250 % 250}.{ix % 250 + 2}", ix < servers, own)


def external_names(rng, n):
    """Under the reserved names of RFC 2606, in the shapes that real traffic has: services, CDN hashes, regions."""
    names = {}
    while len(names) < n:
        owner = f"{rng.choice(WORDS)}-{rng.choice(WORDS)}.{rng.choice(SUFFIXES)}"
        x = rng.random()
        if x < 0.55:
            name = f"{rng.choice(SERVICES)}.{owner}"
        elif x < 0.75:
            name = f"d{rng.getrandbits(52):013x}.cdn.{owner}"
        elif x < 0.9:
            name = f"{rng.choice(SERVICES)}-{rng.choice(('eu', 'us', 'ap'))}-{rng.randrange(1, 30)}.{owner}"
        else:
            name = owner
        names[name] = True
    return list(names)


def addresses(rng):
    """One to four of 198.18.0.0/15, the range for benchmarks (RFC 2544)."""
    return [f"198.{18 + rng.randrange(2)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(rng.choice((1, 1, 2, 4)))]
