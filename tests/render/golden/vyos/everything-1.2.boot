interfaces {
    dummy dum1 {
        address 10.255.1.1/32
    }
    ethernet eth0 {
        address 172.20.20.10/24
        address 2001:db8:20::10/64
    }
    ethernet eth1 {
        address 10.1.5.1/24
        address fd00:5::1/64
    }
    ethernet eth2 {
        address 10.1.8.1/24
    }
    loopback lo {
        address 10.255.0.1/32
        address fd00:ff::1/128
    }
}
nat {
    source {
        rule 100 {
            outbound-interface eth0
            source {
                address 10.1.0.0/16
            }
            translation {
                address masquerade
            }
        }
        rule 110 {
            outbound-interface eth0
            source {
                address 10.98.0.0/16
            }
            translation {
                address masquerade
            }
        }
    }
}
policy {
    prefix-list default-only {
        rule 5 {
            action permit
            prefix 0.0.0.0/0
        }
    }
    prefix-list nodes {
        rule 5 {
            action permit
            ge 24
            le 28
            prefix 10.98.0.0/16
        }
        rule 10 {
            action deny
            le 32
            prefix 0.0.0.0/0
        }
    }
    prefix-list6 nodes6 {
        rule 5 {
            action permit
            le 64
            prefix fd00:98::/48
        }
    }
    route-map LOCAL-PREFERENCE-200 {
        rule 10 {
            action permit
            set {
                local-preference 200
            }
        }
    }
    route-map METRIC-50 {
        rule 10 {
            action permit
            set {
                metric 50
            }
        }
    }
}
protocols {
    bfd {
        peer 10.1.8.10 {
            interval {
                multiplier 3
                receive 100
                transmit 200
            }
        }
        peer 10.1.8.11 {
            interval {
                multiplier 3
                receive 100
                transmit 200
            }
        }
    }
    bgp 65005 {
        address-family {
            ipv4-unicast {
                network 10.1.5.0/24 {
                }
                redistribute {
                    connected {
                    }
                    static {
                    }
                }
            }
            ipv6-unicast {
                network fd00:5::/64 {
                }
                redistribute {
                    connected {
                    }
                }
            }
        }
        maximum-paths {
            ebgp 8
            ibgp 8
        }
        neighbor 10.1.5.10 {
            address-family {
                ipv4-unicast {
                    nexthop-self {
                    }
                    route-reflector-client
                }
                ipv6-unicast {
                    maximum-prefix 20
                    nexthop-self {
                    }
                    route-reflector-client
                }
            }
            remote-as 65005
        }
        neighbor 10.1.8.10 {
            address-family {
                ipv4-unicast {
                    maximum-prefix 100
                    prefix-list {
                        export default-only
                        import nodes
                    }
                    route-map {
                        export METRIC-50
                        import LOCAL-PREFERENCE-200
                    }
                    soft-reconfiguration {
                        inbound
                    }
                }
                ipv6-unicast {
                    prefix-list {
                        import nodes6
                    }
                }
            }
            bfd {
            }
            remote-as external
            timers {
                connect 5
                holdtime 9
                keepalive 3
            }
        }
        neighbor 10.1.8.11 {
            address-family {
                ipv4-unicast {
                    maximum-prefix 100
                    prefix-list {
                        export default-only
                        import nodes
                    }
                    route-map {
                        export METRIC-50
                        import LOCAL-PREFERENCE-200
                    }
                    soft-reconfiguration {
                        inbound
                    }
                }
                ipv6-unicast {
                    prefix-list {
                        import nodes6
                    }
                }
            }
            bfd {
            }
            remote-as external
            timers {
                connect 5
                holdtime 9
                keepalive 3
            }
        }
        neighbor 10.255.9.1 {
            ebgp-multihop 4
            remote-as 65009
            update-source 10.255.1.1
        }
        neighbor fd00:5::11 {
            address-family {
                ipv6-unicast {
                }
            }
            remote-as 65005
            update-source fd00:ff::1
        }
        parameters {
            bestpath {
                as-path {
                    multipath-relax
                }
                compare-routerid
            }
            cluster-id 10.255.0.9
            default {
                no-ipv4-unicast
            }
            deterministic-med
            network-import-check
            router-id 10.255.0.1
        }
    }
    static {
        interface-route 10.99.0.0/16 {
            next-hop-interface eth2 {
            }
        }
        interface-route6 fd00:99::/48 {
            next-hop-interface eth2 {
            }
        }
        route 0.0.0.0/0 {
            next-hop 172.20.20.1 {
            }
        }
        route 10.98.0.0/16 {
            blackhole {
            }
        }
        route6 ::/0 {
            next-hop 2001:db8:20::1 {
            }
        }
        route6 fd00:98::/48 {
            blackhole {
            }
        }
    }
}
system {
    config-management {
        commit-revisions 100
    }
    console {
        device ttyS0 {
            speed 9600
        }
    }
    host-name router0
    login {
        user vyos {
            authentication {
                encrypted-password <hash>
                plaintext-password ""
            }
            level admin
        }
    }
    ntp {
        server 0.pool.ntp.org {
        }
        server 1.pool.ntp.org {
        }
        server 2.pool.ntp.org {
        }
    }
    syslog {
        global {
            facility all {
                level info
            }
            facility protocols {
                level debug
            }
        }
    }
}


/* Warning: Do not remove the following line. */
/* === vyatta-config-version: "broadcast-relay@1:cluster@1:config-management@1:conntrack-sync@1:conntrack@1:dhcp-relay@2:dhcp-server@5:dns-forwarding@1:firewall@5:ipsec@5:l2tp@1:mdns@1:nat@4:ntp@1:pppoe-server@2:pptp@1:qos@1:quagga@7:snmp@1:ssh@1:system@10:vrrp@2:wanloadbalance@3:webgui@1:webproxy@1:webproxy@2:zone-policy@1" === */
/* Release version: 1.2.8 */
