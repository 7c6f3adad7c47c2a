import * as proxy from "@pulumi/policy/proxy";
import { describe, expect, it } from "vitest";
import { leaves, valueAt } from "../../policy/inputs";
import { resourcePolicies } from "../../policy/resources";
import { frrNeeds, hostNeeds, vyosNeeds } from "../../policy/resources/privileges";
import { hostCapabilities, routerCapabilities } from "../../render/docker";
import { vyosMounts } from "../../render/vyos-script";
import { lab } from "../lab/labs";
import { ask, labComponent, type Sent } from "./asking";

const digest = `sha256:${"0".repeat(64)}`;
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const component = labComponent(lab(), "docker");
/** A lab whose router is VyOS. */
const vyos = labComponent(
    lab({}, ({ routers }) => {
        routers.router0!.nos = "vyos";
        routers.router0!.nosVersion = "1.4.0";
    }),
    "docker",
);

function secret(value: unknown) {
    return { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value };
}

function container(name: string, inputs: object = {}): Sent {
    return { type: "docker:index/container:Container", name, inputs: { image: "frr:10.5.3", ...inputs } };
}

function network(ipamConfigs: unknown): Sent {
    return { type: "docker:index/network:Network", name: "net", inputs: { driver: "bridge", ipamConfigs } };
}

function deployment(pod: object, template: object = {}): Sent {
    const spec = { containers: [{ name: "web", image: "nginx:1.29.8", ...template }], ...pod };
    return { type: "kubernetes:apps/v1:Deployment", name: "test/app", inputs: { spec: { template: { spec } } } };
}

function release(inputs: object): Sent {
    const repository = { chart: "cilium", version: "1.20.2", repositoryOpts: { repo: "https://charts.test" } };
    return { type: "kubernetes:helm.sh/v3:Release", name: "cilium", inputs: { ...repository, ...inputs } };
}

function anything(inputs: object): Sent {
    return { type: "some:index:Thing", name: "thing", inputs };
}

/** A resource that breaks one policy, at one place; those that pass have no place. */
interface Case {
    readonly when: string;
    readonly resource: Sent;
    readonly policy: string;
    readonly at?: string;
    readonly parameters?: object;
    readonly beside?: readonly Sent[];
}

const images: readonly Omit<Case, "policy">[] = [
    { when: "a tag", resource: container("router0") },
    { when: "a digest", resource: container("router0", { image: `frr@${digest}` }) },
    { when: "a registry's port and a tag", resource: container("router0", { image: "registry.test:5000/frr:10.5.3" }) },
    { when: "the id of an image", resource: container("router0", { image: digest }) },
    { when: "an image that is not known yet", resource: container("router0", { image: unknown }) },
    { when: "latest with a digest", resource: container("router0", { image: `frr:latest@${digest}` }) },
    { when: "no tag", resource: container("router0", { image: "quay.io/frrouting/frr" }), at: "image" },
    { when: "a port and no tag", resource: container("router0", { image: "registry.test:5000/frr" }), at: "image" },
    { when: "latest", resource: container("router0", { image: "nicolaka/netshoot:latest" }), at: "image" },
    {
        when: "a tag that the organisation knows to move",
        resource: container("router0", { image: "frr:stable" }),
        at: "image",
        parameters: { movingTags: ["stable"] },
    },
    {
        when: "a tag where a digest is asked for",
        resource: container("router0"),
        at: "image",
        parameters: { requireDigest: true },
    },
    {
        when: "no tag of an image that is pulled",
        resource: { type: "docker:index/remoteImage:RemoteImage", name: "frr", inputs: { name: "frr" } },
        at: "name",
    },
    { when: "a tag in a pod", resource: deployment({}) },
    {
        when: "no tag in a pod",
        resource: deployment({}, { image: "nginx" }),
        at: "spec.template.spec.containers[0].image",
    },
    {
        when: "latest in an init container of a pod of its own",
        resource: {
            type: "kubernetes:core/v1:Pod",
            name: "pod",
            inputs: { spec: { initContainers: [{ image: "busybox:latest" }], containers: [] } },
        },
        at: "spec.initContainers[0].image",
    },
    {
        when: "no tag in a cron job",
        resource: {
            type: "kubernetes:batch/v1:CronJob",
            name: "job",
            inputs: { spec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: "busybox" }] } } } } } },
        },
        at: "spec.jobTemplate.spec.template.spec.containers[0].image",
    },
    { when: "a chart that names its images", resource: release({ values: { operator: { replicas: 1 } } }) },
    {
        when: "a chart's image whose tag the chart knows",
        resource: release({ values: { image: { repository: "quay.io/cilium/cilium" } } }),
    },
    {
        when: "a whole image over the chart's",
        resource: release({ values: { operator: { image: { override: "cilium/operator" } } } }),
        at: "values.operator.image.override",
    },
    {
        when: "a chart's image with latest",
        resource: release({ values: { speaker: { image: { repository: "metallb/speaker", tag: "latest" } } } }),
        at: "values.speaker.image",
    },
    { when: "the newest chart of a repository", resource: release({ version: undefined }), at: "version" },
    { when: "a version of a chart that is not known yet", resource: release({ version: unknown }) },
    {
        when: "a chart on this machine",
        resource: { type: "kubernetes:helm.sh/v3:Release", name: "cilium", inputs: { chart: "/srv/charts/cilium" } },
    },
    {
        when: "the newest image of the cluster's nodes",
        resource: {
            ...component,
            inputs: { ...component.inputs, docker: { images: { node: "kindest/node:latest" } } },
        },
        at: "docker.images.node",
        beside: [],
    },
];

const privileges: readonly Omit<Case, "policy">[] = [
    {
        when: "what a host needs",
        resource: container("client0", { capabilities: { adds: ["CAP_NET_ADMIN", "CAP_NET_RAW"] } }),
    },
    { when: "what FRR needs", resource: container("router0", { capabilities: { adds: ["CAP_SYS_ADMIN"] } }) },
    {
        when: "what VyOS needs",
        resource: container("router0", {
            privileged: true,
            volumes: [{ hostPath: "/lib/modules", containerPath: "/lib/modules", readOnly: true }],
        }),
        beside: [vyos],
    },
    { when: "a volume of another container", resource: container("client0", { volumes: [{ fromContainer: "x" }] }) },
    { when: "a privileged router with FRR", resource: container("router0", { privileged: true }), at: "privileged" },
    {
        when: "a privileged host beside a router with VyOS",
        resource: container("client0", { privileged: true }),
        at: "privileged",
        beside: [vyos],
    },
    {
        when: "a host with a capability of routers",
        resource: container("client0", { capabilities: { adds: ["CAP_NET_ADMIN", "SYS_ADMIN"] } }),
        at: "capabilities.adds[1]",
    },
    { when: "the network of the machine", resource: container("router0", { networkMode: "host" }), at: "networkMode" },
    { when: "the processes of the machine", resource: container("router0", { pidMode: "host" }), at: "pidMode" },
    {
        when: "Docker's own socket",
        resource: container("client0", { volumes: [{ hostPath: "/var/run/docker.sock" }] }),
        at: "volumes[0].hostPath",
    },
    {
        when: "a folder of the machine as a mount",
        resource: container("client0", {
            mounts: [
                { type: "tmpfs", target: "/tmp" },
                { type: "bind", source: "/etc" },
            ],
        }),
        at: "mounts[1].source",
    },
    {
        when: "no confinement",
        resource: container("client0", { securityOpts: ["seccomp=unconfined"] }),
        at: "securityOpts[0]",
    },
    { when: "a device", resource: container("client0", { devices: [{ hostPath: "/dev/kvm" }] }), at: "devices[0]" },
    {
        when: "a container that the organisation excepts",
        resource: container("router0", { privileged: true }),
        parameters: { except: ["router0"] },
    },
    { when: "an ordinary pod", resource: deployment({ volumes: [{ configMap: { name: "x" } }] }) },
    {
        when: "privileged pods",
        resource: deployment({}, { securityContext: { privileged: true } }),
        at: "spec.template.spec.containers[0].securityContext.privileged",
    },
    {
        when: "pods with a capability",
        resource: deployment({}, { securityContext: { capabilities: { add: ["NET_ADMIN"] } } }),
        at: "spec.template.spec.containers[0].securityContext.capabilities.add[0]",
    },
    {
        when: "pods on the node's network",
        resource: deployment({ hostNetwork: true }),
        at: "spec.template.spec.hostNetwork",
    },
    {
        when: "pods with a folder of the node",
        resource: deployment({ volumes: [{ hostPath: { path: "/" } }] }),
        at: "spec.template.spec.volumes[0].hostPath",
    },
];

/** The text of a private key's beginning in base64, wherever in three bytes it starts. */
const encoded = ["", " ", "  "].map((before) =>
    Buffer.from(`-----BEGIN RSA${before} PRIVATE KEY-----\nMII`).toString("base64"),
);

const secrets: readonly Omit<Case, "policy">[] = [
    {
        when: "a secret that is one",
        resource: anything({ password: secret("correct horse"), nested: secret({ token: "x" }) }),
    },
    { when: "a password that is not known yet", resource: anything({ password: unknown }) },
    { when: "no password", resource: anything({ password: "", token: null }) },
    {
        when: "where a secret is",
        resource: anything({ secretName: "x", existingSecret: "x", tokenPath: "/x", authSecretRef: "x" }),
    },
    {
        when: "the configuration of a router",
        resource: anything({ config: "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001" }),
    },
    {
        when: "a certificate",
        resource: anything({ ca: Buffer.from("-----BEGIN CERTIFICATE-----\nMII").toString("base64") }),
    },
    { when: "a URL with a port", resource: anything({ url: "https://charts.test:8443/x@1.0" }) },
    {
        when: "a plain password",
        resource: anything({ login: { password: "correct horse" } }),
        at: "thing: login.password",
    },
    { when: "a key in camel case", resource: anything({ clientApiKey: "abc" }), at: "thing: clientApiKey" },
    {
        when: "a variable of a container",
        resource: container("client0", { envs: ["HOME=/root", "DB_PASSWORD=hunter2"] }),
        at: "client0: envs[1]",
    },
    {
        when: "the password of a BGP session in a router's configuration",
        resource: anything({ config: "router bgp 65000\n neighbor 10.0.0.1 password abc\n" }),
        at: "thing: config",
    },
    {
        when: "the hash of a password in a router's configuration",
        resource: anything({ config: 'encrypted-password "$6$0123456789abcdef$0123456789ABCDEFxyz."' }),
        at: "thing: config",
    },
    { when: "a private key", resource: anything({ pem: "x\n-----BEGIN EC PRIVATE KEY-----\n" }), at: "thing: pem" },
    ...encoded.map((data, offset) => ({
        when: `a private key in base64 (${offset})`,
        resource: anything({ data }),
        at: "thing: data",
    })),
    {
        when: "a kubeconfig",
        resource: anything({ kubeconfig: "users:\n- user:\n    client-key-data: LS0t\n" }),
        at: "thing: kubeconfig",
    },
    { when: "a URL with a password", resource: anything({ url: "https://me:pass@charts.test/" }), at: "thing: url" },
    { when: "a token of GitHub", resource: anything({ args: [`ghp_${"a1".repeat(18)}`] }), at: "thing: args[0]" },
    { when: "a key of AWS", resource: anything({ id: "AKIAABCDEFGHIJKLMNOP" }), at: "thing: id" },
    {
        when: "what is a secret in another resource",
        resource: anything({ script: "curl -H 'X: correct horse'" }),
        at: "thing: script",
        beside: [
            {
                type: "random:index/randomPassword:RandomPassword",
                name: "p",
                inputs: { result: secret("correct horse") },
            },
        ],
    },
    {
        when: "an input that the organisation excepts",
        resource: anything({ token: "public" }),
        parameters: { except: ["thing: token"] },
    },
];

const subnets: readonly Omit<Case, "policy">[] = [
    {
        when: "the subnets of a segment",
        resource: network([{ subnet: "172.18.0.0/16" }, { subnet: "fc00:f853:ccd:e793::/64" }]),
    },
    { when: "a subnet that is not known yet", resource: network([{ subnet: unknown }]) },
    { when: "subnets that are not known yet", resource: network(unknown) },
    { when: "no lab to compare with", resource: network([{ subnet: "10.77.0.0/24" }]), beside: [] },
    {
        when: "a subnet that nobody planned",
        resource: network([{ subnet: "172.18.0.0/16" }, { subnet: "10.77.0.0/24" }]),
        at: "ipamConfigs[1].subnet",
    },
    {
        when: "a subnet larger than the segment's",
        resource: network([{ subnet: "172.16.0.0/12" }]),
        at: "ipamConfigs[0].subnet",
    },
    { when: "a subnet that is none", resource: network([{ subnet: "172.18.0.1/16" }]), at: "ipamConfigs[0].subnet" },
    { when: "no subnet", resource: network([]), at: "ipamConfigs" },
];

const cases: readonly Case[] = [
    ...images.map((each) => ({ ...each, policy: "pinned-images" })),
    ...privileges.map((each) => ({ ...each, policy: "needed-privileges" })),
    ...secrets.map((each) => ({ ...each, policy: "secret-inputs" })),
    ...subnets.map((each) => ({ ...each, policy: "planned-subnets" })),
];

async function reportedOf({ resource, policy, parameters = {}, beside = [component] }: Case) {
    const reported = await ask([...beside, resource], { [policy]: parameters });
    const names = resourcePolicies.map(({ name }) => name);
    return Object.fromEntries(Object.entries(reported).filter(([name]) => names.includes(name)));
}

describe("policies on resources", () => {
    const broken = cases.filter(({ at }) => at !== undefined);
    it.each(broken)("$policy objects to $when", async (each) => {
        const { id } = resourcePolicies.find(({ name }) => name === each.policy)!;
        const reported = await reportedOf(each);
        expect(Object.keys(reported)).toEqual([each.policy]);
        expect(reported[each.policy]).toEqual([expect.stringMatching(/\n {2}fix: \w.* {4}\w.* https:\/\//)]);
        expect(reported[each.policy]?.[0]).toContain(`${id} ${each.at}: `);
    });

    it.each(cases.filter(({ at }) => at === undefined))("$policy accepts $when", async (each) => {
        expect(await reportedOf(each)).toEqual({});
    });

    it("never repeat a secret that they found", async () => {
        const values = ["correct horse", "hunter2", "me:pass", "AKIAABCDEFGHIJKLMNOP", "0123456789abcdef"];
        for (const each of broken.filter(({ policy }) => policy === "secret-inputs")) {
            const said = JSON.stringify(await reportedOf(each));
            expect(values.filter((value) => said.includes(value))).toEqual([]);
        }
    });

    it("know the rights that components give to containers, no more and no less", () => {
        expect(hostNeeds.capabilities).toEqual(hostCapabilities);
        expect([...frrNeeds.capabilities].sort()).toEqual([...routerCapabilities].sort());
        expect(vyosNeeds.folders).toEqual(vyosMounts.map(({ hostPath }) => hostPath));
    });

    it("know what stands for unknown values in the SDK", () => {
        const marks = Object.entries(proxy).flatMap(([name, value]) =>
            /^unknown\w+Value$/.test(name) ? [value as string] : [],
        );
        expect(marks).toHaveLength(7);
        expect(leaves({ marks })).toEqual([]);
        expect(marks.map((mark) => valueAt({ mark }, "mark"))).toEqual(marks.map(() => undefined));
    });
});
