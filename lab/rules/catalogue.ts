/**
 * What can be wrong with a Kubernetes BGP lab, by subject: which rules find it, or why none does. Prose of the rules
 * themselves stands with them; docs/rules.md is written from both.
 */

/** A part of the catalogue. */
export interface CatalogueSection {
    readonly title: string;
    readonly entries: readonly CatalogueEntry[];
}

/** One subject. It names rules or findings, or else the remark says why there are none. */
export interface CatalogueEntry {
    /** What is right or wrong, in the words of the field. */
    readonly subject: string;
    /** Where that is said; several documents are separated by `; `. */
    readonly source: string;
    /** Ids of rules about labs. */
    readonly rules?: readonly string[];
    /** Ids of findings about a stack's configuration, which has what a planned lab has no more. */
    readonly configuration?: readonly string[];
    /** Why there is no rule, or what the rules leave to something else. */
    readonly remark?: string;
}

const asNumbers: CatalogueSection = {
    title: "AS numbers",
    entries: [
        { subject: "AS 0 in an OPEN or AS_PATH", source: "RFC 7607", rules: ["BGP-ASN-001"] },
        {
            subject: "Public numbers: 1–23455, 23457–64495, 131072–4199999999",
            source: "IANA AS numbers registry",
            rules: ["BGP-ASN-002"],
        },
        { subject: "23456, AS_TRANS", source: "RFC 6793 §9", rules: ["BGP-ASN-001"] },
        {
            subject: "Documentation numbers: 64496–64511, 65536–65551",
            source: "RFC 5398",
            rules: ["BGP-ASN-003"],
        },
        {
            subject: "Private 16-bit numbers: 64512–65534",
            source: "RFC 6996 §5",
            remark: "Right: what labs use by default.",
        },
        {
            subject: "65535, the last 16-bit number, which examples of VyOS's documentation use",
            source: "RFC 7300; VyOS documentation, BGP",
            rules: ["BGP-ASN-001"],
        },
        {
            subject: "65552–131071, reserved by IANA",
            source: "IANA AS numbers registry",
            rules: ["BGP-ASN-001"],
        },
        {
            subject: "Private 32-bit numbers: 4200000000–4294967294",
            source: "RFC 6996 §5",
            remark: "Right: every speaker of a lab has 32-bit numbers (FRR, GoBGP, BIRD, MetalLB, VyOS since 1.2).",
        },
        {
            subject: "A 32-bit number in a route target or distinguisher, which leaves 16 bits for the other part",
            source: "RFC 5668; RFC 4364 §4.2",
            rules: ["VRF-FMT-001"],
        },
        { subject: "4294967295, the last 32-bit number", source: "RFC 7300", rules: ["BGP-ASN-001"] },
        {
            subject: "Numbers of more than 32 bits",
            source: "RFC 6793",
            rules: ["BGP-FMT-001"],
            configuration: ["BGP-ASN-004"],
        },
        {
            subject: "asplain and asdot",
            source: "RFC 5396",
            configuration: ["CFG-001"],
            remark: "Configuration takes both; labs have asplain.",
        },
    ],
};

const addressRanges: CatalogueSection = {
    title: "Special address ranges",
    entries: [
        {
            subject: "Private space: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16",
            source: "RFC 1918",
            remark: "Right, but for what home networks and Docker use, too: the next two.",
        },
        { subject: "Cluster networks in 192.168.0.0/16", source: "RFC 1918", rules: ["ADR-USE-008"] },
        {
            subject: "Cluster networks in Docker's default pools, 172.17.0.0–172.31.255.255",
            source: "Docker documentation, default address pools",
            rules: ["DKR-NET-001", "DKR-SEG-003"],
        },
        { subject: "Shared space: 100.64.0.0/10", source: "RFC 6598", rules: ["ADR-USE-007"] },
        { subject: "Loopback: 127.0.0.0/8, ::1", source: "RFC 6890; RFC 4291 §2.5.3", rules: ["ADR-USE-001"] },
        {
            subject: "Link-local: 169.254.0.0/16, fe80::/10",
            source: "RFC 3927; RFC 4291 §2.5.6",
            rules: ["ADR-USE-002", "ADR-USE-003"],
        },
        {
            subject: "This network, reserved and broadcast: 0.0.0.0/8, 240.0.0.0/4, 255.255.255.255",
            source: "RFC 6890",
            rules: ["ADR-USE-001"],
        },
        { subject: "Multicast: 224.0.0.0/4, ff00::/8", source: "RFC 5771; RFC 4291 §2.7", rules: ["ADR-USE-001"] },
        { subject: "Protocol assignments: 192.0.0.0/24", source: "RFC 6890", rules: ["ADR-USE-001"] },
        {
            subject: "Documentation: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20",
            source: "RFC 5737; RFC 3849; RFC 9637",
            rules: ["ADR-USE-004"],
        },
        {
            subject: "Benchmarking: 198.18.0.0/15, 2001:2::/48",
            source: "RFC 2544; RFC 5180",
            remark: "Right: a lab is what the space is for.",
        },
        { subject: "6to4: 192.88.99.0/24, 2002::/16", source: "RFC 7526; RFC 3056", rules: ["ADR-USE-006"] },
        {
            subject: "Unique local addresses: fc00::/7",
            source: "RFC 4193",
            remark: "Right. That the 40 bits behind fd should be random is not asked of labs: they are joined with no other network.",
        },
        {
            subject: "Public space that belongs to others, e.g. 20.0.10.0/24 and 2004::/64",
            source: "RFC 1918; RFC 4193",
            rules: ["ADR-USE-005"],
        },
        {
            subject: "Links of two addresses, /31 and /127; loopbacks of one, /32 and /128",
            source: "RFC 3021; RFC 6164",
            rules: ["ADR-SEG-002", "DKR-SEG-001"],
            remark: "Right in namespaces; a network of Docker needs one address more.",
        },
        {
            subject: "One spelling: no host bits, no leading zeros, IPv6 in short form",
            source: "RFC 5952; RFC 4632 §3.1; RFC 6943 §3.1.1",
            rules: ["ADR-FMT-001"],
            configuration: ["CFG-001"],
        },
    ],
};

const bgp: CatalogueSection = {
    title: "BGP",
    entries: [
        {
            subject: "Both ends agree: each expects the other's AS, and each has the other's address",
            source: "RFC 4271 §6.2",
            rules: ["BGP-SES-001", "BGP-SES-002", "BGP-SES-007", "BGP-REF-001"],
        },
        {
            subject: "Internal peers have one AS, external ones two; hops are a limit of external sessions",
            source: "RFC 4271 §1.1; MetalLB documentation, BGP",
            rules: ["BGP-SES-004", "BGP-SES-008"],
        },
        {
            subject: "An external peer is on-link, or the session may take more hops and a route leads there",
            source: "RFC 4271 §5.1.3",
            rules: ["BGP-SES-003", "BGP-SES-010", "BGP-SES-011"],
            remark: "Labs set the hops of a session and no TTL security (RFC 5082).",
        },
        {
            subject: "Internal peers: full mesh or route reflectors, and next hops that are known inside",
            source: "RFC 4456; RFC 4271 §5.1.3",
            rules: ["BGP-RR-001", "BGP-RR-002", "BGP-RR-003", "BGP-NH-001"],
        },
        {
            subject: "BGP identifiers: not zero, unicast, unique within the AS",
            source: "RFC 6286 §2.1",
            rules: ["BGP-RID-001", "BGP-RID-002", "BGP-RID-003", "BGP-RID-004", "CIL-RID-001"],
            configuration: ["ADR-CAP-009"],
        },
        {
            subject: "Hold time 0 or at least 3 s, three keepalives in it; what each program can be told",
            source: "RFC 4271 §4.2; RFC 4271 §4.4",
            rules: [
                "BGP-TMR-001",
                "BGP-TMR-002",
                "BGP-TMR-003",
                "BGP-TMR-004",
                "BGP-TMR-005",
                "CIL-TMR-001",
                "CIL-TMR-002",
                "CAL-TMR-001",
                "MLB-TMR-001",
            ],
        },
        {
            subject: "External sessions have a policy in both directions",
            source: "RFC 8212",
            rules: ["BGP-POL-005", "BGP-POL-006", "VYOS-POL-001"],
        },
        {
            subject: "A limit of prefixes on sessions from the cluster, with room for what it announces",
            source: "RFC 7454 §8; RFC 4486 §4",
            rules: ["BGP-MAX-001", "BGP-MAX-002", "BGP-MAX-003", "BGP-MAX-004"],
        },
        {
            subject: "What routers take from nodes is the cluster's: pods, pools, services",
            source: "RFC 7454 §6",
            rules: ["BGP-POL-009", "BGP-POL-011"],
            remark: "How much more specific nodes may be is left open: a filter of a pod CIDR up to /32 fits.",
        },
        {
            subject: "What nodes that take routes are offered leads out of the cluster",
            source: "RFC 7454 §6",
            rules: ["BGP-POL-010"],
        },
        {
            subject:
                "Filters are what they seem: lists exist, of the right family, with lengths that match and entries that count",
            source: "FRR documentation, ip prefix-list",
            rules: ["BGP-POL-001", "BGP-POL-002", "BGP-POL-003", "BGP-POL-004", "BGP-POL-007", "BGP-POL-008"],
        },
        {
            subject: "No default route and no unusable space from nodes",
            source: "RFC 7454 §6.1",
            rules: ["BGP-POL-009", "ADR-USE-001"],
        },
        {
            subject: "Private AS numbers do not leave towards the Internet",
            source: "RFC 6996 §4",
            remark: "No lab has a session with anything outside it: what stands for the world beyond speaks no BGP.",
        },
        {
            subject: "Equal AS numbers on several leaves or racks: each drops the other's routes",
            source: "RFC 7938 §5.2.1; RFC 4271 §9.1.2",
            rules: ["BGP-LOOP-001"],
            remark: "allowas-in and as-override are not in the model: a number for each rack is the way out.",
        },
        {
            subject: "ECMP: as many paths as there are, also through different ASes",
            source: "RFC 7938 §6.1",
            rules: ["BGP-ECMP-001", "BGP-ECMP-002", "BGP-ECMP-003", "BGP-ECMP-004", "BGP-ECMP-005"],
            remark: "Both runtimes set the kernel's fib_multipath_hash_policy to 1. The width at every router is predicted (make predict).",
        },
        {
            subject: "A family is active at both ends, and its routes have a next hop of their own family",
            source: "RFC 4760 §8; RFC 8950",
            rules: ["BGP-SES-005", "BGP-SES-006"],
        },
        {
            subject: "BFD: ranges, both ends, faster than the hold time; neither Cilium nor Calico has it",
            source: "RFC 5880; RFC 5882",
            rules: ["BGP-BFD-001", "BGP-BFD-002", "BGP-BFD-003", "MLB-VER-001", "CIL-MLB-003"],
        },
        {
            subject: "BFD over one hop or several, the same at both ends",
            source: "RFC 5881; RFC 5883",
            rules: ["BGP-BFD-004"],
        },
        {
            subject: "One password at both ends (MD5 or TCP-AO)",
            source: "RFC 2385; RFC 5925",
            remark: "Sessions of labs have no passwords, so that no secret is in a plan, a state or a configuration.",
        },
        {
            subject: "Graceful restart: the time fits its field, is at most the hold time, and the restart ends",
            source: "RFC 4724 §3; RFC 4724 §4",
            rules: ["BGP-GR-001", "BGP-GR-002", "CIL-GR-001"],
        },
        {
            subject: "Communities: standard ones of 16-bit numbers, large ones for 32-bit ASes",
            source: "RFC 1997; RFC 8092",
            remark: "Labs set no communities; route targets have a rule of their own (VRF-FMT-001).",
        },
        {
            subject: "One speaker for a pair of node and router: Calico and MetalLB, or Cilium and MetalLB",
            source: "RFC 4271 §6.8; MetalLB documentation, Calico",
            rules: ["BGP-SES-009", "CIL-MLB-002", "K8S-CNI-001"],
        },
        {
            subject: "MetalLB: one AS per node, one peer per address, none on the node itself",
            source: "MetalLB, internal/config/validation.go",
            rules: ["MLB-ASN-001", "BGP-SES-007", "BGP-SES-013", "MLB-SEL-001", "MLB-NAME-001"],
            remark: "All peers of a node see one BGP identifier: the model has one per node.",
        },
        {
            subject: "Cilium: one configuration per node, selectors that match nodes and services",
            source: "Cilium documentation, CiliumBGPClusterConfig",
            rules: [
                "CIL-SEL-001",
                "CIL-SEL-002",
                "CIL-SEL-003",
                "CIL-SEL-004",
                "CIL-SEL-005",
                "CIL-NAME-001",
                "K8S-SEL-001",
                "K8S-SEL-002",
            ],
            remark: "Peer configurations and advertisements are written together with what refers to them, one instance per configuration, without overrides and passwords.",
        },
        {
            subject:
                "Cilium: a service advertisement without selector announces nothing; under Local only nodes with pods announce",
            source: "Cilium documentation, BGP service announcements",
            rules: ["CIL-SEL-003", "CIL-SEL-005", "BGP-ECMP-003"],
            remark: "Pod CIDR advertisements are written without a selector, as the resource asks.",
        },
        {
            subject: "Calico: peers that select nodes, and ways to the pods of others",
            source: "Calico documentation, BGPPeer",
            rules: ["CAL-SEL-001", "CAL-NAME-001", "CAL-RTE-001", "CAL-RTE-002", "CAL-FAM-001"],
        },
        {
            subject: "Listen ranges cover the nodes' subnet",
            source: "FRR documentation, bgp listen range",
            remark: "The ranges are the pod CIDRs, for neighbors by label only. The model writes out every Pod that calls, so that both ends can be compared.",
        },
        {
            subject: "Next hops and distant peers behind a default route only",
            source: "FRR documentation, ip nht resolve-via-default",
            rules: ["BGP-SES-012", "BGP-NH-001"],
        },
        {
            subject: "VRFs: interfaces, distinguishers, targets that meet, next hops of leaked routes",
            source: "RFC 4364 §4",
            rules: [
                "VRF-IF-001",
                "VRF-NAME-001",
                "VRF-RD-001",
                "VRF-RT-001",
                "VRF-RT-002",
                "VRF-LEAK-001",
                "VRF-LEAK-002",
                "VRF-ASN-001",
                "VYOS-VRF-001",
            ],
        },
    ],
};

const addressPlan: CatalogueSection = {
    title: "Address plan",
    entries: [
        {
            subject: "Pods, services, nodes, links, loopbacks and pools share no address",
            source: "RFC 4632 §5.1",
            rules: ["ADR-OVL-001", "ADR-DUP-001", "LB-POOL-001", "NET-SEG-003"],
            remark: "Links of different VRFs do not overlap either: nodes and clients are told apart by address.",
        },
        {
            subject: "Nothing overlaps the networks of the machine",
            source: "Docker documentation, default bridge network",
            rules: ["ADR-USE-008", "DKR-SEG-003"],
            remark: "The machine's interfaces and Docker's networks are looked at when a lab comes up in Docker, before anything is made.",
        },
        {
            subject:
                "Addresses of nodes and gateways are in their subnet and nobody else's; kubelet announces one that is there",
            source: "RFC 1122 §3.3.1; kubelet, --node-ip",
            rules: ["ADR-SEG-001", "ADR-SEG-002", "ADR-DUP-001", "K8S-IP-001", "DKR-SEG-001"],
            configuration: ["ADR-CAP-004", "ADR-CAP-006", "ADR-CAP-007"],
        },
        {
            subject: "Service CIDR: at most 20 bits of hosts, /12 and /108",
            source: "kube-apiserver, --service-cluster-ip-range",
            rules: ["ADR-SVC-001"],
        },
        {
            subject: "Pod CIDR and node mask: at most 16 bits apart, and a slice for every node",
            source: "kube-controller-manager, node IPAM",
            rules: ["ADR-POD-001", "ADR-POD-002", "ADR-POD-003", "CAL-POOL-001", "CAL-POOL-002"],
            configuration: ["ADR-CAP-002", "ADR-CAP-003"],
        },
        {
            subject: "Cilium's default cluster pool, 10.0.0.0/8, overlaps almost every plan",
            source: "Cilium documentation, Kubernetes host scope IPAM",
            configuration: ["CFG-006"],
            remark: "Labs set ipam.mode to kubernetes, and a stack cannot set another.",
        },
        {
            subject: "Dual stack: one network per family for pods and services, in one order; nodes have both",
            source: "Kubernetes documentation, IPv4/IPv6 dual-stack",
            rules: ["ADR-DUAL-001", "ADR-DUAL-002"],
        },
        {
            subject: "Pools: blocks that share no address, ranges in order, first and last addresses by release",
            source: "Cilium documentation, LB IPAM",
            rules: ["LB-POOL-001", "LB-POOL-003", "LB-POOL-004", "LB-POOL-005", "LB-POOL-007", "ADR-FMT-001"],
            remark: "MetalLB's avoidBuggyIPs is never set, so that it gives out .0 and .255.",
        },
        {
            subject: "Pools have an address for every service",
            source: "Cilium documentation, LB IPAM",
            rules: ["LB-POOL-002", "LB-POOL-006", "LB-SVC-001", "LB-SVC-003", "LB-SVC-005", "CIL-MLB-003"],
            remark: "Every service of a lab is pinned to addresses of its own: a pool that is too small leaves one of them outside.",
        },
        {
            subject: "A pool inside a network of the nodes is announced on layer 2, not over BGP alone",
            source: "MetalLB documentation, layer 2 mode",
            rules: ["LB-POOL-008", "MLB-ARP-001", "MLB-ARP-002"],
        },
        {
            subject: "Links: two ends in one subnet, of /30, /31 or larger, no address twice",
            source: "RFC 3021; RFC 6164",
            rules: ["ADR-SEG-001", "ADR-DUP-001", "NET-SEG-001", "NET-SEG-002", "NET-SEG-003"],
            configuration: ["ADR-CAP-001", "ADR-CAP-005"],
        },
        {
            subject: "The next hop of a static route is on-link and somebody's, which Cilium's own lab gets wrong",
            source: "RFC 1812 §5.2.4.3; Cilium, contrib/containerlab/service/topo.yaml",
            rules: ["ADR-NXT-001", "ADR-NXT-002", "ADR-NXT-003", "ADR-NXT-004", "ADR-NXT-005"],
        },
        {
            subject: "MTU: room for the headers of VXLAN, Geneve or IP in IP, and one size along the way",
            source: "RFC 7348 §4; RFC 7690 §2",
            rules: ["NET-MTU-001", "NET-MTU-002", "NET-MTU-003"],
            remark: "Labs' tunnels are VXLAN or IP in IP; Geneve without options takes as much as VXLAN.",
        },
        {
            subject:
                "Names: clusters of 32 letters for Cilium, containers and nodes told apart, interfaces of 15 bytes",
            source: "Cilium Helm chart, cluster.name; RFC 1123 §2.1",
            rules: ["K8S-NAME-001", "DKR-NAME-001", "DKR-IF-001", "NET-NAME-001", "NET-IF-001"],
            configuration: ["CFG-021"],
        },
        {
            subject: "Docker's networks: own subnets, IPv4 too, a free gateway, none that exists already",
            source: "Docker documentation, docker network create",
            rules: ["DKR-SEG-001", "DKR-SEG-002", "DKR-SEG-003"],
            remark: "Networks that exist are seen when a lab comes up, before anything is made.",
        },
    ],
};

const helmValues: CatalogueSection = {
    title: "Values of Cilium's Helm chart",
    entries: [
        {
            subject:
                "Values that releases removed: tunnel, encryption.keyFile, proxy.prometheus, bgp.enabled and others",
            source: "Cilium Helm chart, templates/validate.yaml; Cilium upgrade notes",
            configuration: ["CFG-022", "CFG-006"],
        },
        {
            subject: "Hubble UI asks Hubble Relay, and Relay asks Hubble",
            source: "Cilium Helm chart, templates/validate.yaml",
            rules: ["CIL-HUB-001"],
            configuration: ["CFG-016"],
        },
        {
            subject: "Hubble's certificates are other ones at every rendering",
            source: "Cilium Helm chart, templates/hubble/tls-helm",
            configuration: ["CFG-017"],
        },
        {
            subject: "Ingress and Gateway API need the layer-7 proxy and the replacement of kube-proxy",
            source: "Cilium Helm chart, templates/validate.yaml",
            configuration: ["CFG-018"],
        },
        {
            subject: "A cluster's name and id",
            source: "Cilium Helm chart, cluster.name",
            rules: ["K8S-NAME-001"],
            configuration: ["CFG-021"],
        },
        {
            subject: "Native routing needs to know which networks are routed",
            source: "Cilium documentation, ipv4NativeRoutingCIDR",
            rules: ["CIL-RTE-001", "CIL-RTE-002", "CIL-RTE-003"],
            configuration: ["CFG-006"],
        },
        {
            subject: "autoDirectNodeRoutes needs nodes on one link",
            source: "Cilium documentation, routing",
            configuration: ["CFG-020"],
        },
        {
            subject: "Without kube-proxy the agent has to be told where the API server is",
            source: "Cilium documentation, Kubernetes without kube-proxy",
            configuration: ["CFG-006"],
            remark: "Labs set k8sServiceHost and k8sServicePort themselves.",
        },
        {
            subject: "Two operators, the chart's default, do not fit on one node",
            source: "Cilium Helm chart, operator.affinity",
            configuration: ["CFG-019"],
            remark: "Labs set one.",
        },
    ],
};

const verification: CatalogueSection = {
    title: "Verification before deployment",
    entries: [
        {
            subject: "Configurations that cannot be read (fileParseStatus)",
            source: "Batfish documentation, questions",
            remark: "Labs write configurations from the model; tests give them to vtysh, VyOS's own grammar, BIRD and GoBGP.",
        },
        {
            subject: "Names that refer to nothing (undefinedReferences)",
            source: "Batfish documentation, questions",
            rules: ["BGP-REF-001", "BGP-POL-001", "MLB-ADV-001", "NET-SEG-001", "VRF-IF-001", "ADR-NXT-002"],
        },
        {
            subject: "Ends of sessions that do not fit (bgpSessionCompatibility)",
            source: "Batfish documentation, questions",
            rules: ["BGP-SES-001", "BGP-SES-002", "BGP-SES-003", "BGP-SES-005"],
        },
        {
            subject: "Sessions that stay down (bgpSessionStatus)",
            source: "Batfish documentation, questions",
            remark: "Predicted with the reason: make predict; what a change does to sessions: make diff.",
        },
        {
            subject: "Forwarding loops (detectLoops)",
            source: "Batfish documentation, questions",
            remark: "A property of the settled routes of all devices: make predict follows every packet of the lab's checks.",
        },
        {
            subject: "Who reaches what (reachability)",
            source: "Batfish documentation, questions",
            rules: ["NET-RTE-001", "NET-RTE-002", "MLB-ADV-002", "MLB-ADV-003", "MLB-LBL-001"],
            remark: "The rules find what can be seen without routing; make predict says who reaches every service, and by which ways.",
        },
        {
            subject: "Equal paths that end differently (multipathConsistency)",
            source: "Batfish documentation, questions",
            remark: "make predict follows all equal paths, and says of each how it ends.",
        },
        {
            subject: "What a change does to packets (differentialReachability)",
            source: "Batfish documentation, questions",
            remark: "make diff compares two revisions, in pull requests and against what runs.",
        },
        {
            subject: "Oscillation: local preferences for which routes never settle, or settle in more than one way",
            source: "RFC 4264",
            remark: "make predict stops with the routes that never settle; of those with more than one outcome the prediction says so (docs/prediction.md).",
        },
        {
            subject: "Single points of failure",
            source: "RFC 7938 §7",
            remark: "make predict takes every link, device and daemon away in turn.",
        },
        {
            subject: "Only errors stop a deployment; warnings and infos are shown",
            source: "docs/rules.md",
            remark: "The policy pack enforces each group as its configuration says (docs/policy.md).",
        },
    ],
};

const clusters: CatalogueSection = {
    title: "Clusters, checks and configuration",
    entries: [
        {
            subject: "Configuration has the right form: keys and values that exist, lists that are long enough",
            source: "docs/configuration.md",
            configuration: ["CFG-001", "CFG-002", "CFG-003", "CFG-007", "CFG-008", "CFG-015"],
        },
        {
            subject: "Releases of Cilium, MetalLB, VyOS and Kubernetes have what the lab asks of them",
            source: "Cilium release notes; MetalLB release notes; VyOS documentation, release trains",
            rules: [
                "CIL-VER-001",
                "CIL-VER-002",
                "CIL-VER-003",
                "CIL-MLB-001",
                "MLB-VER-001",
                "MLB-VER-003",
                "VYOS-VER-001",
            ],
            configuration: ["CFG-005", "CFG-012", "CFG-013", "CFG-014"],
        },
        {
            subject: "Pods fit on their nodes, run where they may, and have names of their own",
            source: "kubelet, maxPods; kubeadm, control-plane taint",
            rules: ["K8S-POD-001", "K8S-POD-002", "K8S-POD-003", "K8S-POD-004"],
            configuration: ["ADR-CAP-008"],
        },
        {
            subject: "Services have pods behind them that listen, and names of their own",
            source: "Kubernetes documentation, Service",
            rules: ["LB-SVC-002", "LB-SVC-004", "LB-SVC-006"],
        },
        {
            subject: "Source NAT of routers",
            source: "RFC 3022 §2.1",
            rules: ["NET-NAT-001", "NET-NAT-002", "NET-NAT-003"],
        },
        {
            subject: "What the running lab must show can be asked and answered",
            source: "docs/architecture.md",
            rules: ["CHK-001", "CHK-002", "CHK-003", "CHK-004", "CHK-005", "CHK-006"],
        },
    ],
};

const routersInPods: CatalogueSection = {
    title: "Routers in Pods",
    entries: [
        {
            subject: "Neighbors by label that are no Pod, or Pods that no label makes a neighbor",
            source: "Kubernetes documentation, labels and selectors",
            rules: ["POD-SEL-001", "POD-SEL-005"],
            remark: "Warnings: Pods come and go. The peering controller follows them.",
        },
        {
            subject: "One Pod under two selectors, or selectors that mean more than routers",
            source: "RFC 4271 §6.8",
            rules: ["POD-SEL-002", "POD-SEL-003", "POD-SEL-004"],
        },
        {
            subject: "Labels and selectors as the API server takes them",
            source: "Kubernetes documentation, labels and selectors",
            rules: ["K8S-LBL-001"],
            configuration: ["CFG-001"],
        },
        {
            subject: "The AS of Pods: one for all of them, or any other than the speaker's own",
            source: "FRR documentation, neighbor remote-as external",
            rules: ["POD-ASN-001", "POD-ASN-002", "POD-ASN-003"],
            remark: "GoBGP has no remote-as external: the peering controller gives it the AS that a Pod calls with.",
        },
        {
            subject: "Both families of sessions with Pods: one for each, between addresses of that family",
            source: "RFC 4760 §8; Kubernetes documentation, IPv4/IPv6 dual-stack",
            rules: ["POD-FAM-001", "BGP-SES-002"],
        },
        {
            subject:
                "A Pod finds its node by its default route, and needs more than one hop and ip nht resolve-via-default",
            source: "FRR documentation, ip nht resolve-via-default",
            rules: ["POD-HOP-001", "POD-NHT-001", "BGP-SES-003"],
        },
        {
            subject: "A Pod and its node reach each other: their link, the node's address among its pods, both routes",
            source: "Cilium documentation, routing",
            rules: ["POD-LINK-001", "POD-LINK-002", "POD-LINK-003", "POD-LINK-004", "NET-SEG-002", "ADR-POD-003"],
        },
        {
            subject: "Who takes what Pods announce: a stock Cilium rejects every route and passes none on",
            source: "Cilium, pkg/bgp",
            rules: ["POD-CIL-001", "POD-CIL-002", "POD-CIL-003", "POD-CIL-004"],
            configuration: ["CFG-023"],
            remark: "In network namespaces GoBGP passes routes on, as a patched Cilium does; BIRD has no API by which neighbors come and go.",
        },
        {
            subject:
                "Cilium drops packets that leave a Pod with a source that is not the Pod's (enableSourceIPVerification)",
            source: "Cilium Helm chart",
            remark: "Forwarding Pods of labs hide clients behind their own address, so that nothing else leaves them.",
        },
        {
            subject: "Route hijack: what users may announce, what the administrator forbids, what the cluster uses",
            source: "RFC 7454 §6",
            rules: [
                "POD-POL-001",
                "POD-POL-002",
                "POD-POL-003",
                "POD-POL-004",
                "POD-POL-005",
                "POD-POL-007",
                "POD-POL-010",
            ],
            remark: "What the cluster itself uses is refused without being listed; make verify shows what was refused.",
        },
        {
            subject: "A Pod's own address, which only its node can tell from those of others",
            source: "RFC 7454 §6",
            rules: ["POD-POL-006"],
        },
        {
            subject: "Filters again at the router, which sees no labels",
            source: "FRR documentation, bgp listen range",
            rules: ["POD-POL-008", "POD-POL-009", "BGP-POL-011"],
        },
        {
            subject: "Virtual addresses are free, allowed and announced",
            source: "RFC 7454 §6",
            rules: ["POD-VIP-001", "POD-VIP-002", "POD-VIP-003", "POD-VIP-004"],
        },
        {
            subject: "One virtual address of Pods on several nodes",
            source: "RFC 7938 §6",
            rules: ["BGP-ECMP-006"],
            remark: "The Pods of a workload may have an address in common; others may not (ADR-DUP-001).",
        },
        {
            subject: "Virtual servers pass connections on to pods, and hide who asks",
            source: "RFC 3022 §2.2",
            rules: ["POD-SRV-001", "POD-SRV-002", "POD-SRV-003", "POD-SRV-004", "CHK-006"],
        },
        {
            subject: "Names, and what may be put into a Pod",
            source: "Kubernetes documentation, object names",
            rules: ["POD-NAME-001", "POD-NAME-002", "POD-NAME-003", "POD-NOS-001", "POD-REF-001"],
        },
        {
            subject: "A neighbor's configuration follows the Pod's changing address",
            source: "docs/architecture.md",
            remark: "Not a property of a plan: the peering controller keeps it, and drills with Pods' events show it.",
        },
    ],
};

/** The whole catalogue. */
export const catalogue: readonly CatalogueSection[] = [
    asNumbers,
    addressRanges,
    bgp,
    addressPlan,
    helmValues,
    verification,
    clusters,
    routersInPods,
];
