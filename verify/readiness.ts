import type { Cilium, Lab } from "../lab/model";
import { nodeSpeaker } from "../lab/speakers";
import { calicoResources } from "../render/calico";
import { ciliumResources } from "../render/cilium";
import { ciliumTraits } from "../render/cilium-versions";
import { gatewayPodResources } from "../render/gateway-pods";
import type { KubernetesObject } from "../render/kubernetes";
import { metallbNamespace, metallbResources } from "../render/metallb";
import { peeringControllerResources } from "../render/peering-controller";
import type { AppliedObject } from "../render/pod-objects";
import { workloadResources } from "../render/workload";
import type { ConditionCheck, ObjectReference, Want } from "./check";
import { objectName, subject } from "./describe";

/** Checks by what they are about, so that previews name them and not their number. */
export type ChecksBySubject = Readonly<Record<string, ConditionCheck>>;

/** Namespaces of Cilium's own objects, and of what Calico's operator makes. */
const ciliumNamespace = "kube-system";
const calicoNamespace = "calico-system";

/** What tells that a CiliumBGPClusterConfig cannot be carried out (Cilium's API, cilium.io/v2). */
const clusterConfigErrors = [
    "cilium.io/NoMatchingNode",
    "cilium.io/MissingPeerConfigs",
    "cilium.io/ConflictingClusterConfig",
];

/** What an agent says of a CiliumBGPNodeConfig that it cannot carry out. */
const nodeConfigErrors = ["cilium.io/BGPReconcileError"];

/** What LB-IPAM says of a pool that overlaps another one, in the words of all releases since 1.14. */
const poolErrors = ["cilium.io/PoolConflict", "io.cilium/conflict"];

function check(object: ObjectReference, wants: Want): ConditionCheck {
    return { kind: "condition", object, wants };
}

function bySubject(checks: readonly ConditionCheck[]): ChecksBySubject {
    return Object.fromEntries(checks.map((each) => [subject(each), each]));
}

function reference({ apiVersion, kind, metadata: { namespace, name } }: AppliedObject): ObjectReference {
    return { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }), name };
}

/** Routers in pods and the controller of neighbors by label. What they are made of does not matter here. */
function podResources(lab: Lab): readonly AppliedObject[] {
    return [
        ...gatewayPodResources(lab, { router: "", client: "" }),
        ...peeringControllerResources(lab, { image: "", code: "", routesImage: "" }),
    ];
}

/** Name of the definition of a custom resource: its plural and its group. */
function definitionName({ kind, apiVersion }: KubernetesObject): string {
    const singular = kind.toLowerCase();
    const plural = singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s`;
    return `${plural}.${apiVersion.split("/")[0]}`;
}

/** Programs whose custom resources a lab has. */
export type ConfiguredProgram = "cilium" | "calico" | "metallb";

/** The custom resources of a program; none where the lab does not have it. */
function resourcesOf(lab: Lab, program: ConfiguredProgram): readonly KubernetesObject[] {
    const { cilium, calico, metallb } = lab.cluster;
    switch (program) {
        case "cilium":
            return cilium === undefined ? [] : ciliumResources(lab);
        case "calico":
            return calico === undefined ? [] : calicoResources(lab);
        case "metallb":
            return metallb === undefined ? [] : metallbResources(lab);
    }
}

/**
 * What must be there before a program's custom resources can be: their definitions, which Cilium's and Calico's operators
 * make some time after the chart is installed, in the version that the resources are written in; and MetalLB's controller,
 * which looks at them before the API server takes them.
 */
export function definitionChecks(lab: Lab, program: ConfiguredProgram): ChecksBySubject {
    const defined = resourcesOf(lab, program)
        .filter(({ kind }) => kind !== "ConfigMap")
        .map((resource) =>
            check(
                {
                    apiVersion: "apiextensions.k8s.io/v1",
                    kind: "CustomResourceDefinition",
                    name: definitionName(resource),
                },
                { kind: "served", version: resource.apiVersion.split("/")[1] ?? "" },
            ),
        );
    return bySubject(program === "metallb" ? [...defined, rollout(metallbController)] : defined);
}

const metallbController: ObjectReference = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    namespace: metallbNamespace,
    name: "metallb-controller",
};

function rollout(object: ObjectReference): ConditionCheck {
    return check(object, { kind: "rollout" });
}

/**
 * What must hold of the cluster before routes and traffic can: nodes, Cilium or Calico, and MetalLB are ready, the workload
 * has been rolled out, services have the addresses they are pinned to, and nothing of what Cilium was told is in error.
 */
export function readyChecks(lab: Lab): ChecksBySubject {
    return bySubject([...platformChecks(lab), ...applicationChecks(lab), ...announcementChecks(lab)]);
}

/** The objects that a lab has in its cluster beside the programs' own, by name. */
export function objectsOf(lab: Lab): Readonly<Record<string, ObjectReference>> {
    const programs = (["cilium", "calico", "metallb"] as const).flatMap((program) => resourcesOf(lab, program));
    const references = [...programs, ...workloadResources(lab), ...podResources(lab)].map(reference);
    return Object.fromEntries(references.map((each) => [objectName(each), each]));
}

function platformChecks({ cluster }: Lab): readonly ConditionCheck[] {
    const nodes = Object.keys(cluster.nodes).map((name) =>
        check({ apiVersion: "v1", kind: "Node", name }, { kind: "condition", type: "Ready" }),
    );
    return [
        ...nodes,
        ...(cluster.cilium === undefined ? [] : podsOf(ciliumNamespace, "cilium", "cilium-operator")),
        ...hubble(cluster.cilium?.hubble),
        ...(cluster.calico === undefined ? [] : podsOf(calicoNamespace, "calico-node", "calico-kube-controllers")),
        ...(cluster.metallb === undefined ? [] : podsOf(metallbNamespace, "metallb-speaker", metallbController.name)),
    ];
}

/** The parts of Hubble that are beside Cilium's agents. */
function hubble({ relay, ui }: NonNullable<Cilium["hubble"]> = { relay: false, ui: false }): readonly ConditionCheck[] {
    const parts = [...(relay ? ["hubble-relay"] : []), ...(ui ? ["hubble-ui"] : [])];
    return parts.map((name) =>
        rollout({ apiVersion: "apps/v1", kind: "Deployment", namespace: ciliumNamespace, name }),
    );
}

/** A program that has a pod on every node, and one that looks after them. */
function podsOf(namespace: string, onNodes: string, controller: string): readonly ConditionCheck[] {
    const apps = { apiVersion: "apps/v1", namespace };
    return [
        rollout({ ...apps, kind: "DaemonSet", name: onNodes }),
        rollout({ ...apps, kind: "Deployment", name: controller }),
    ];
}

function applicationChecks(lab: Lab): readonly ConditionCheck[] {
    const controllers = [...workloadResources(lab), ...podResources(lab)].filter(
        ({ kind }) => kind === "Deployment" || kind === "DaemonSet",
    );
    const services = lab.cluster.services.map(({ namespace, name, loadBalancerAddresses: addresses }) =>
        check({ apiVersion: "v1", kind: "Service", namespace, name }, { kind: "addresses", addresses }),
    );
    return [...controllers.map((each) => rollout(reference(each))), ...services];
}

function announcementChecks(lab: Lab): readonly ConditionCheck[] {
    const { cilium } = lab.cluster;
    if (cilium === undefined) {
        return [];
    }
    const resources = resourcesOf(lab, "cilium");
    const ofKind = (kind: KubernetesObject["kind"]) => resources.filter((each) => each.kind === kind).map(reference);
    const { bgpApis } = ciliumTraits(cilium.version);
    // A CiliumBGPPeeringPolicy has no status; of the other API, Cilium makes an object for each node.
    const nodeConfigs = bgpApis[0] === "cluster-config" ? speakingNodes(lab) : [];
    return [
        ...ofKind("CiliumLoadBalancerIPPool").map((pool) => check(pool, { kind: "no-condition", types: poolErrors })),
        ...ofKind("CiliumBGPClusterConfig").map((config) =>
            check(config, { kind: "no-condition", types: clusterConfigErrors }),
        ),
        ...nodeConfigs.map((name) =>
            check(
                { apiVersion: "cilium.io/v2", kind: "CiliumBGPNodeConfig", name },
                { kind: "no-condition", types: nodeConfigErrors },
            ),
        ),
    ];
}

function speakingNodes(lab: Lab): readonly string[] {
    return Object.keys(lab.cluster.nodes).filter((name) => nodeSpeaker(lab, name, "cilium") !== undefined);
}
