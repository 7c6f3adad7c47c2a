import type { GobgpConfig } from "../../provider/schema";

/** Parts of router0's configuration that tests change. */
export interface RouterParts {
    readonly asn?: number;
    readonly routerId?: string;
    readonly profile?: string;
    readonly timers?: string;
    readonly maximumPaths?: number;
    readonly prefixLength?: number;
    readonly blackhole?: string;
    readonly moreNeighbors?: string;
    readonly moreIpv4?: string;
    readonly more?: string;
}

/** frr.conf of router0: an IPv4 and an IPv6 session to node1, static blackholes, an out filter. */
export function routerConfig(parts: RouterParts = {}): string {
    const {
        asn = 65000,
        routerId = "10.0.0.0",
        profile = "datacenter",
        timers = "3 9",
        maximumPaths = 4,
        prefixLength = 8,
        blackhole = "10.0.0.0/8",
        moreNeighbors = "",
        moreIpv4 = "",
        more = "",
    } = parts;
    return `frr defaults ${profile}
hostname router0
no zebra nexthop kernel enable
!
ip route ${blackhole} blackhole
ipv6 route fd00:10::/32 blackhole
!
router bgp ${asn}
 bgp router-id ${routerId}
 no bgp default ipv4-unicast
 coalesce-time 20
 bgp bestpath as-path multipath-relax
 neighbor NODES peer-group
 neighbor NODES remote-as external
 neighbor NODES timers ${timers}
 neighbor NODES timers connect 1
 neighbor NODES6 peer-group
 neighbor NODES6 remote-as external
 neighbor NODES6 timers 3 9
 neighbor NODES6 timers connect 1
 neighbor 169.254.1.2 peer-group NODES
${moreNeighbors} neighbor fd00:1::2 peer-group NODES6
 !
 address-family ipv4 unicast
  redistribute static
  neighbor NODES activate
  neighbor NODES prefix-list LAB out
${moreIpv4}  maximum-paths ${maximumPaths}
 exit-address-family
 !
 address-family ipv6 unicast
  redistribute static
  neighbor NODES6 activate
 exit-address-family
exit
!
ip prefix-list LAB seq 5 permit 10.0.0.0/8 ge ${prefixLength}
${more}`;
}

/** frr.conf of node1, for tests that are not about gobgpd: it offers the same routes. */
export const nodeFrrConfig = `frr defaults datacenter
hostname node1
!
router bgp 65001
 bgp router-id 10.0.0.1
 no bgp default ipv4-unicast
 no bgp network import-check
 coalesce-time 20
 neighbor 169.254.1.1 remote-as external
 neighbor 169.254.1.1 timers connect 1
 neighbor fd00:1::1 remote-as external
 neighbor fd00:1::1 timers connect 1
 !
 address-family ipv4 unicast
  network 10.254.0.10/32
  neighbor 169.254.1.1 activate
 exit-address-family
 !
 address-family ipv6 unicast
  network fd00:10:254::10/128
  neighbor fd00:1::1 activate
 exit-address-family
exit
`;

/** What node1's gobgpd is told. */
export function nodeConfig(parts: Partial<GobgpConfig> = {}): GobgpConfig {
    const session = { remoteAsn: 65000, holdTime: 30, keepalive: 10, connectRetry: 120, gracefulRestartTime: 120 };
    return {
        asn: 65001,
        routerId: "10.0.0.1",
        neighbors: [
            { address: "169.254.1.1", families: ["ipv4"], ...session },
            { address: "fd00:1::1", families: ["ipv6"], ...session },
        ],
        originated: ["10.254.0.10/32", "fd00:10:254::10/128"],
        ...parts,
    };
}
