interfaces {
    dummy dum1 {
        address "10.255.1.1/32"
    }
    ethernet eth0 {
        address "172.20.20.10/24"
        address "2001:db8:20::10/64"
    }
    ethernet eth1 {
        address "10.1.5.1/24"
        address "fd00:5::1/64"
    }
    ethernet eth2 {
        address "10.1.8.1/24"
    }
    loopback lo {
        address "10.255.0.1/32"
        address "fd00:ff::1/128"
    }
}
nat {
    source {
        rule 100 {
            outbound-interface {
                name "eth0"
            }
            source {
                address "10.1.0.0/16"
            }
            translation {
                address "masquerade"
            }
        }
        rule 110 {
            outbound-interface {
                name "eth0"
            }
            source {
                address "10.98.0.0/16"
            }
            translation {
                address "masquerade"
            }
        }
    }
}
policy {
    prefix-list default-only {
        rule 5 {
            action "permit"
            prefix "0.0.0.0/0"
        }
    }
    prefix-list nodes {
        rule 5 {
            action "permit"
            ge "24"
            le "28"
            prefix "10.98.0.0/16"
        }
        rule 10 {
            action "deny"
            le "32"
            prefix "0.0.0.0/0"
        }
    }
    prefix-list6 nodes6 {
        rule 5 {
            action "permit"
            le "64"
            prefix "fd00:98::/48"
        }
    }
    route-map LOCAL-PREFERENCE-200 {
        rule 10 {
            action "permit"
            set {
                local-preference "200"
            }
        }
    }
    route-map METRIC-50 {
        rule 10 {
            action "permit"
            set {
                metric "50"
            }
        }
    }
}
protocols {
    bfd {
        profile BFD-3x100-200 {
            interval {
                multiplier "3"
                receive "100"
                transmit "200"
            }
        }
    }
    bgp {
        address-family {
            ipv4-unicast {
                maximum-paths {
                    ebgp "8"
                    ibgp "8"
                }
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
                maximum-paths {
                    ebgp "8"
                    ibgp "8"
                }
                network fd00:5::/64 {
                }
                redistribute {
                    connected {
                    }
                }
            }
        }
        neighbor 10.1.5.10 {
            address-family {
                ipv4-unicast {
                    nexthop-self {
                    }
                    route-reflector-client
                }
                ipv6-unicast {
                    maximum-prefix "20"
                    nexthop-self {
                    }
                    route-reflector-client
                }
            }
            remote-as "65005"
        }
        neighbor 10.1.8.10 {
            peer-group "racks"
            timers {
                connect "5"
                holdtime "9"
                keepalive "3"
            }
        }
        neighbor 10.1.8.11 {
            peer-group "racks"
            timers {
                connect "5"
                holdtime "9"
                keepalive "3"
            }
        }
        neighbor 10.255.9.1 {
            address-family {
                ipv4-unicast {
                }
            }
            ebgp-multihop "4"
            remote-as "65009"
            update-source "10.255.1.1"
        }
        neighbor fd00:5::11 {
            address-family {
                ipv6-unicast {
                }
            }
            remote-as "65005"
            update-source "fd00:ff::1"
        }
        parameters {
            bestpath {
                as-path {
                    multipath-relax
                }
                compare-routerid
            }
            cluster-id "10.255.0.9"
            deterministic-med
            ebgp-requires-policy
            network-import-check
            router-id "10.255.0.1"
        }
        peer-group racks {
            address-family {
                ipv4-unicast {
                    maximum-prefix "100"
                    prefix-list {
                        export "default-only"
                        import "nodes"
                    }
                    route-map {
                        export "METRIC-50"
                        import "LOCAL-PREFERENCE-200"
                    }
                    soft-reconfiguration {
                        inbound
                    }
                }
                ipv6-unicast {
                    prefix-list {
                        import "nodes6"
                    }
                }
            }
            bfd {
                profile "BFD-3x100-200"
            }
            remote-as "external"
        }
        system-as "65005"
    }
    static {
        route 0.0.0.0/0 {
            next-hop 172.20.20.1 {
            }
        }
        route 10.98.0.0/16 {
            blackhole {
            }
        }
        route 10.99.0.0/16 {
            interface eth2 {
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
        route6 fd00:99::/48 {
            interface eth2 {
            }
        }
    }
}
service {
    ntp {
        server 0.pool.ntp.org {
        }
        server 1.pool.ntp.org {
        }
        server 2.pool.ntp.org {
        }
    }
}
system {
    config-management {
        commit-revisions "100"
    }
    console {
        device ttyS0 {
            speed "9600"
        }
    }
    host-name "router0"
    ip {
        nht {
            no-resolve-via-default
        }
    }
    ipv6 {
        nht {
            no-resolve-via-default
        }
    }
    login {
        user vyos {
            authentication {
                encrypted-password "<hash>"
            }
        }
    }
    syslog {
        global {
            facility all {
                level "info"
            }
            facility local7 {
                level "debug"
            }
        }
    }
}


// Warning: Do not remove the following line.
// vyos-config-version: "bgp@5:broadcast-relay@1:cluster@2:config-management@1:conntrack@5:conntrack-sync@2:container@2:dhcp-relay@2:dhcp-server@11:dhcpv6-server@5:dns-dynamic@4:dns-forwarding@4:firewall@16:flow-accounting@1:https@6:ids@1:interfaces@33:ipoe-server@4:ipsec@13:isis@3:l2tp@9:lldp@2:mdns@1:monitoring@1:nat@8:nat66@3:ntp@3:openconnect@3:openvpn@4:ospf@2:pim@1:policy@8:pppoe-server@11:pptp@5:qos@2:quagga@11:reverse-proxy@1:rip@1:rpki@2:salt@1:snmp@3:ssh@2:sstp@6:system@27:vrf@3:vrrp@4:vyos-accel-ppp@2:wanloadbalance@3:webproxy@2"
// Release version: 1.5-rolling-202410210007
