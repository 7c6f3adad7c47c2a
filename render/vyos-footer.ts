/** The end of a `config.boot`, from which VyOS knows which of its migrations a configuration has behind it. */

import type { VyosSeries } from "../lab/vyos";

/**
 * Versions of the components of a configuration in the syntax that `render/vyos.ts` writes. Each is that of the first
 * release of its series (1.2: of 1.2.8), so that a newer release migrates what changed since, and an older one is not
 * told of what it does not know. They are from the comment of 1.2.8's own configuration, from vyos-1x
 * python/vyos/component_version.py (1.3.0), and from its interface-definitions/include/version at the tag 1.4.0 and on
 * the branch circinus.
 */
const componentVersions: Readonly<Record<VyosSeries, string>> = {
    "1.2": "broadcast-relay@1:cluster@1:config-management@1:conntrack-sync@1:conntrack@1:dhcp-relay@2:dhcp-server@5:dns-forwarding@1:firewall@5:ipsec@5:l2tp@1:mdns@1:nat@4:ntp@1:pppoe-server@2:pptp@1:qos@1:quagga@7:snmp@1:ssh@1:system@10:vrrp@2:wanloadbalance@3:webgui@1:webproxy@1:webproxy@2:zone-policy@1",
    "1.3": "broadcast-relay@1:cluster@1:config-management@1:conntrack@3:conntrack-sync@2:dhcp-relay@2:dhcp-server@6:dhcpv6-server@1:dns-forwarding@3:firewall@5:https@2:interfaces@22:ipoe-server@1:ipsec@5:isis@1:l2tp@3:lldp@1:mdns@1:nat@5:ntp@1:pppoe-server@5:pptp@2:qos@1:quagga@8:rpki@1:salt@1:snmp@2:ssh@2:sstp@3:system@21:vrrp@2:vyos-accel-ppp@2:wanloadbalance@3:webproxy@2:zone-policy@1",
    "1.4": "bgp@5:broadcast-relay@1:cluster@2:config-management@1:conntrack@5:conntrack-sync@2:container@2:dhcp-relay@2:dhcp-server@8:dhcpv6-server@1:dns-dynamic@4:dns-forwarding@4:firewall@15:flow-accounting@1:https@6:ids@1:interfaces@32:ipoe-server@3:ipsec@13:isis@3:l2tp@9:lldp@2:mdns@1:monitoring@1:nat@8:nat66@3:ntp@3:openconnect@3:ospf@2:pim@1:policy@8:pppoe-server@10:pptp@5:qos@2:quagga@11:reverse-proxy@1:rip@1:rpki@2:salt@1:snmp@3:ssh@2:sstp@6:system@27:vrf@3:vrrp@4:vyos-accel-ppp@2:wanloadbalance@3:webproxy@2",
    "1.5": "bgp@5:broadcast-relay@1:cluster@2:config-management@1:conntrack@5:conntrack-sync@2:container@2:dhcp-relay@2:dhcp-server@11:dhcpv6-server@5:dns-dynamic@4:dns-forwarding@4:firewall@16:flow-accounting@1:https@6:ids@1:interfaces@33:ipoe-server@4:ipsec@13:isis@3:l2tp@9:lldp@2:mdns@1:monitoring@1:nat@8:nat66@3:ntp@3:openconnect@3:openvpn@4:ospf@2:pim@1:policy@8:pppoe-server@11:pptp@5:qos@2:quagga@11:reverse-proxy@1:rip@1:rpki@2:salt@1:snmp@3:ssh@2:sstp@6:system@27:vrf@3:vrrp@4:vyos-accel-ppp@2:wanloadbalance@3:webproxy@2",
};

/** The footer, in the form that the release reads. 1.2 knows only comments of C, later releases only those of C++. */
export function versionFooter(series: VyosSeries, release: string): string {
    const warning = "Warning: Do not remove the following line.";
    const versions = componentVersions[series];
    return series === "1.2"
        ? `/* ${warning} */\n/* === vyatta-config-version: "${versions}" === */\n/* Release version: ${release} */\n`
        : `// ${warning}\n// vyos-config-version: "${versions}"\n// Release version: ${release}\n`;
}
