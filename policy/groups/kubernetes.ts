import { ruleGroup } from "./group";

/** What kubeadm, kubelet and the API server insist on. */
export const kubernetes = ruleGroup({
    name: "kubernetes",
    subject: "the Kubernetes cluster",
    topics: ["K8S"],
    source: "Kubernetes documentation, IPv4/IPv6 dual-stack",
    remediation: "Name nodes, labels and pods as Kubernetes takes them, and use exactly one network plugin.",
});
