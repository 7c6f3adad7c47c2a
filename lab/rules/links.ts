/** Where the documents that rules come from can be read. */

/** Documents by the beginning of their name, the more specific before the more general. */
const documents: readonly (readonly [beginning: string, url: string])[] = [
    ["IANA AS numbers registry", "https://www.iana.org/assignments/as-numbers/as-numbers.xhtml"],
    ["IANA IPv4", "https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml"],
    ["IANA IPv6", "https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml"],
    ["FRR documentation, BFD", "https://docs.frrouting.org/en/latest/bfd.html"],
    [
        "FRR documentation, ip nht resolve-via-default",
        "https://docs.frrouting.org/en/latest/zebra.html#clicmd-ip-nht-resolve-via-default",
    ],
    ["FRR documentation, VRF route leaking", "https://docs.frrouting.org/en/latest/bgp.html#vrf-route-leaking"],
    ["FRR documentation, VRF", "https://docs.frrouting.org/en/latest/zebra.html#virtual-routing-and-forwarding"],
    ["FRR documentation, ip prefix-list", "https://docs.frrouting.org/en/latest/filter.html#ip-prefix-list"],
    ["FRR documentation", "https://docs.frrouting.org/en/latest/bgp.html"],
    ["FRR", "https://github.com/FRRouting/frr"],
    ["Cilium documentation, LB IPAM", "https://docs.cilium.io/en/stable/network/lb-ipam/"],
    [
        "Cilium documentation, Kubernetes host scope IPAM",
        "https://docs.cilium.io/en/stable/network/concepts/ipam/kubernetes/",
    ],
    [
        "Cilium documentation, Kubernetes requirements",
        "https://docs.cilium.io/en/stable/network/kubernetes/requirements/",
    ],
    [
        "Cilium documentation, Kubernetes without kube-proxy",
        "https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/",
    ],
    ["Cilium documentation, eBPF datapath", "https://docs.cilium.io/en/stable/network/ebpf/"],
    ["Cilium documentation, routing", "https://docs.cilium.io/en/stable/network/concepts/routing/"],
    ["Cilium documentation, native routing", "https://docs.cilium.io/en/stable/network/concepts/routing/"],
    ["Cilium documentation, ipv4NativeRoutingCIDR", "https://docs.cilium.io/en/stable/helm-reference/"],
    ["Cilium documentation 1.10, BGP (beta)", "https://docs.cilium.io/en/v1.10/gettingstarted/bgp/"],
    ["Cilium documentation 1.14, BGP (beta)", "https://docs.cilium.io/en/v1.14/network/bgp/"],
    ["Cilium documentation, BGP router ID", "https://docs.cilium.io/en/stable/network/bgp-control-plane/"],
    ["Cilium documentation", "https://docs.cilium.io/en/stable/network/bgp-control-plane/"],
    ["Cilium upgrade notes", "https://docs.cilium.io/en/stable/operations/upgrade/"],
    ["Cilium release notes", "https://github.com/cilium/cilium/releases"],
    [
        "Cilium Helm chart, templates/validate.yaml",
        "https://github.com/cilium/cilium/blob/main/install/kubernetes/cilium/templates/validate.yaml",
    ],
    ["Cilium Helm chart", "https://github.com/cilium/cilium/tree/main/install/kubernetes/cilium"],
    ["Cilium CRD", "https://github.com/cilium/cilium/tree/main/pkg/k8s/apis/cilium.io"],
    [
        "Cilium, contrib/containerlab/service/topo.yaml",
        "https://github.com/cilium/cilium/blob/main/contrib/containerlab/service/topo.yaml",
    ],
    ["Cilium", "https://github.com/cilium/cilium"],
    [
        "Calico documentation, overlay networking",
        "https://docs.tigera.io/calico/latest/networking/configuring/vxlan-ipip",
    ],
    ["Calico documentation, configure BGP peering", "https://docs.tigera.io/calico/latest/networking/configuring/bgp"],
    ["Calico documentation, IPPool", "https://docs.tigera.io/calico/latest/reference/resources/ippool"],
    ["Calico documentation, BGPPeer", "https://docs.tigera.io/calico/latest/reference/resources/bgppeer"],
    ["Calico documentation", "https://docs.tigera.io/calico/latest/"],
    ["Calico", "https://github.com/projectcalico/calico"],
    ["MetalLB documentation, Calico", "https://metallb.io/configuration/calico/"],
    ["MetalLB documentation, layer 2 mode", "https://metallb.io/concepts/layer2/"],
    ["MetalLB documentation, troubleshooting", "https://metallb.io/troubleshooting/"],
    ["MetalLB documentation", "https://metallb.io/concepts/bgp/"],
    ["MetalLB release notes", "https://metallb.io/release-notes/"],
    [
        "MetalLB, internal/config/validation.go",
        "https://github.com/metallb/metallb/blob/main/internal/config/validation.go",
    ],
    ["MetalLB", "https://github.com/metallb/metallb"],
    [
        "Kubernetes documentation, object names",
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
    ],
    [
        "Kubernetes documentation, labels and selectors",
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/",
    ],
    [
        "Kubernetes documentation, IPv4/IPv6 dual-stack",
        "https://kubernetes.io/docs/concepts/services-networking/dual-stack/",
    ],
    [
        "Kubernetes documentation, node affinity",
        "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/",
    ],
    [
        "Kubernetes documentation, network plugins",
        "https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/",
    ],
    [
        "Kubernetes documentation, externalTrafficPolicy",
        "https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/",
    ],
    ["Kubernetes documentation, images", "https://kubernetes.io/docs/concepts/containers/images/"],
    [
        "Kubernetes documentation, pod security standards",
        "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    ],
    ["Kubernetes documentation", "https://kubernetes.io/docs/concepts/services-networking/service/"],
    ["kube-apiserver", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"],
    [
        "kube-controller-manager",
        "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
    ],
    ["kubelet", "https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/"],
    ["kubeadm", "https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/create-cluster-kubeadm/"],
    ["kind", "https://kind.sigs.k8s.io/docs/user/configuration/"],
    ["Linux, ip-route(8)", "https://man7.org/linux/man-pages/man8/ip-route.8.html"],
    ["Linux, IFNAMSIZ", "https://man7.org/linux/man-pages/man7/netdevice.7.html"],
    ["Linux, VRF", "https://docs.kernel.org/networking/vrf.html"],
    ["Linux", "https://docs.kernel.org/networking/ip-sysctl.html"],
    ["Docker documentation, docker network create", "https://docs.docker.com/reference/cli/docker/network/create/"],
    ["Docker documentation", "https://docs.docker.com/engine/network/drivers/bridge/"],
    ["Docker Engine API", "https://docs.docker.com/reference/api/engine/"],
    ["Pulumi documentation, secrets", "https://www.pulumi.com/docs/iac/concepts/secrets/"],
    ["VyOS documentation, BGP", "https://docs.vyos.io/en/latest/configuration/protocols/bgp.html"],
    ["VyOS documentation", "https://docs.vyos.io/en/latest/"],
    ["vyatta-cfg-quagga", "https://github.com/vyos/vyatta-cfg-quagga"],
    ["Batfish documentation, questions", "https://batfish.readthedocs.io/en/latest/questions.html"],
    ["GoBGP", "https://github.com/osrg/gobgp"],
    ["BIRD documentation", "https://bird.network.cz/?get_doc&f=bird-6.html"],
    ["Cisco IOS XE", "https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/iproute_bgp/command/irg-cr-book.html"],
];

/**
 * Where the source of a rule can be read.
 *
 * @param source one document with its place, e.g. `RFC 4271 §6.2`; of several, separated by `; `, the first that has a link
 * @returns nothing for this project's own pages
 */
export function linkOf(source: string): string | undefined {
    const links = source.split("; ").map(documentLink);
    return links.find((link) => link !== undefined);
}

function documentLink(name: string): string | undefined {
    const rfc = /^RFC (\d+)(?: §([\d.]*\d))?/.exec(name);
    if (rfc !== null) {
        const [, number, section] = rfc;
        return `https://www.rfc-editor.org/rfc/rfc${number}${section === undefined ? "" : `#section-${section}`}`;
    }
    return documents.find(([beginning]) => name.startsWith(beginning))?.[1];
}
