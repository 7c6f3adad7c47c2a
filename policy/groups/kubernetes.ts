import { ruleGroup } from "./group";

/** What kubeadm, kubelet and the API server insist on. */
export const kubernetes = ruleGroup({
    name: "kubernetes",
    subject: "the Kubernetes cluster",
    topics: ["K8S"],
    source: "Kubernetes documentation",
    remediation: "Name nodes, labels and pods as Kubernetes takes them, and use exactly one network plugin.",
});
