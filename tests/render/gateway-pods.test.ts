import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { podAddress, podRouters } from "../../lab/pods";
import { withoutPods } from "../../render/docker";
import { gatewayPodResources, unsafeSysctls } from "../../render/gateway-pods";
import { kindCluster } from "../../render/kind";
import { clusterTargets, peeringControllerResources } from "../../render/peering-controller";
import type {
    AgentDaemonSet,
    ClusterRole,
    FileMap,
    ProgramContainer,
    Role,
    SingleDeployment,
} from "../../render/pod-objects";
import { yamlText } from "../../render/yaml";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import { expectGolden } from "../golden";

const lab = planPodGateway(schema.parse({ peering: "router", hijacks: ["0.0.0.0/1", "::/1"] }));
const program = { image: "node.test/node:22", code: "H4sI", routesImage: "client.test/client:1" };
const images = { router: "frr.test/frr:10", client: "client.test/client:1" };

const pods = gatewayPodResources(lab, images);
const controller = peeringControllerResources(lab, program);

function scripts(): readonly (readonly [name: string, text: string])[] {
    return [...pods, ...controller]
        .filter((each): each is FileMap => each.kind === "ConfigMap")
        .flatMap(({ data = {} }) => Object.entries(data).filter(([name]) => name.endsWith(".sh")));
}

describe("routers in pods of a real cluster", () => {
    it("are Deployments of one pod on their node, with what FRR and the kernel are told", () => {
        expectGolden(join(__dirname, "golden/gateway-pods.yaml"), pods.map(yamlText).join("---\n"));
    });

    it("are rendered without any address of theirs, which the cluster chooses", () => {
        const own = podRouters(lab).flatMap(({ router }) => [podAddress(router, "ipv4"), podAddress(router, "ipv6")]);
        const nodes = Object.values(lab.cluster.nodes).flatMap(({ interfaces }) =>
            interfaces.filter(({ name }) => name === "cilium_host").flatMap(({ addresses }) => addresses),
        );
        const text = JSON.stringify(pods);
        for (const address of [...own, ...nodes.map((each) => each.slice(0, each.indexOf("/")))]) {
            expect(text).not.toContain(`"${address}"`);
            expect(text).not.toMatch(new RegExp(`neighbor ${address} `));
        }
    });

    it("have kubelets allow what their kernels are set to, and only in labs that have such pods", () => {
        const patches = (of: Lab) =>
            JSON.stringify(kindCluster(of, { unsafeSysctls: unsafeSysctls(of) }).kubeadmConfigPatches ?? []);
        expect(patches(lab)).toContain("net.ipv4.ip_forward");
        expect(patches(withoutPods(lab))).not.toContain("allowedUnsafeSysctls");
    });

    it("leave nothing of themselves in what Docker makes", () => {
        const made = withoutPods(lab);
        expect(Object.keys(made.routers)).toEqual(["router0"]);
        const ports = Object.values(made.cluster.nodes).map(({ interfaces }) => interfaces.map(({ name }) => name));
        expect(ports).toEqual([
            ["eth0", "net0"],
            ["eth0", "net0"],
            ["eth0", "net0"],
        ]);
        expect(Object.values(made.segments).map(({ kind }) => kind)).not.toContain("pod-link");
    });

    it.each(scripts())("have a script %s that a POSIX shell can read", (_name, text) => {
        const { status, stderr } = spawnSync("sh", ["-n"], { input: text, encoding: "utf8" });
        expect([status, stderr]).toEqual([0, ""]);
    });
});

describe("the peering controller in a cluster", () => {
    it("is a Deployment, an agent on each node, and what both may do", () => {
        expectGolden(join(__dirname, "golden/peering-controller.yaml"), controller.map(yamlText).join("---\n"));
    });

    it("may write nothing but the configurations of its lab, by name, and make none", () => {
        const roles = controller.filter(
            (each): each is Role | ClusterRole => each.kind === "Role" || each.kind === "ClusterRole",
        );
        const writing = roles.flatMap(({ rules }) =>
            rules.filter(({ verbs }) => verbs.some((verb) => !["get", "list", "watch"].includes(verb))),
        );
        expect(writing).toEqual([
            {
                apiGroups: ["cilium.io"],
                resources: ["ciliumbgpclusterconfigs"],
                resourceNames: ["control-plane", "worker", "worker2"],
                verbs: ["get", "patch"],
            },
        ]);
    });

    it("is nobody, can change no file and has no capability; only who changes routes has one, and no token", () => {
        const containers = controller.flatMap((each): readonly ProgramContainer[] =>
            each.kind === "Deployment" || each.kind === "DaemonSet"
                ? (each as SingleDeployment | AgentDaemonSet).spec.template.spec.containers
                : [],
        );
        const facts = containers.map(({ name, securityContext: own, volumeMounts }) => {
            const token = volumeMounts.some((mount) => mount.name === "token");
            return [name, own.runAsUser, own.readOnlyRootFilesystem, own.capabilities, token];
        });
        expect(facts).toEqual([
            ["controller", 65532, true, { drop: ["ALL"] }, true],
            ["controller", 65532, true, { drop: ["ALL"] }, true],
            ["routes", 0, true, { drop: ["ALL"], add: ["NET_ADMIN"] }, false],
        ]);
    });

    it("is refused for a configuration of several nodes, and left out where nobody is chosen by label", () => {
        const [first] = lab.cluster.cilium!.bgp;
        const shared = {
            ...first!,
            nodeSelector: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "Exists" as const }] },
        };
        const cilium = { ...lab.cluster.cilium!, bgp: [shared] };
        expect(() => clusterTargets({ ...lab, cluster: { ...lab.cluster, cilium } })).toThrow(/an instance of its own/);
        const plain = { ...cilium, bgp: cilium.bgp.map((each) => ({ ...each, podNeighbors: [] })) };
        expect(peeringControllerResources({ ...lab, cluster: { ...lab.cluster, cilium: plain } }, program)).toEqual([]);
    });
});
