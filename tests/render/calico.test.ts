import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Calico, LabelSelector, Labels } from "../../lab/model";
import { selects } from "../../lab/selectors";
import { calicoResources, calicoValues } from "../../render/calico";
import { calicoSelector, calicoSelects } from "../../render/calico-selector";
import { nodeSpec } from "../../render/embedded";
import { yamlDocuments } from "../../render/yaml";
import { expectGolden } from "../golden";
import { calicoResource } from "./calico-schema";
import { calicoPeer, nodes } from "./nodes";

const golden = (name: string) => join(__dirname, "golden", "calico", name);
const run = promisify(execFile);
const bird = ["/usr/sbin/bird", "/usr/local/sbin/bird"].find((path) => existsSync(path));

if (bird === undefined) {
    console.warn("SKIPPED: Calico's configurations are not given to the real BIRD: they need bird2");
}

const onMaster: LabelSelector = { matchLabels: { "kubernetes.io/hostname": "master" } };
const everything: Partial<Calico> = {
    natOutgoing: true,
    peers: [
        { ...calicoPeer, gracefulRestartTime: 60 },
        { ...calicoPeer, name: "rack", address: "10.0.0.252", asn: 65002, nodeSelector: onMaster },
    ],
};

function birdConfig(calico: Partial<Calico> = {}, node = "node1"): string {
    const { calico: speaker } = nodeSpec(nodes(calico), node).speakers;
    return speaker?.kind === "bird" ? speaker.config : "";
}

describe("Calico's custom resources", () => {
    it.each(["3.27.5", "3.32.1"])("for %s are the golden ones", (version) => {
        const of = nodes({ ...everything, version });
        expectGolden(golden(`${version}.yaml`), yamlDocuments([...calicoResources(of), calicoValues()]));
    });

    it.each(["3.8.9", "3.27.5", "3.31.0", "3.32.1"])("for %s have only what the version takes", (version) => {
        const objects = calicoResources(nodes({ ...everything, version }));
        expect(objects.map((object) => calicoResource(version).parse(object).kind)).toEqual([
            "IPPool",
            "BGPConfiguration",
            "BGPPeer",
            "BGPPeer",
        ]);
    });

    it("are refused by the schema with blocks larger than Calico's, or a time that the version does not know", () => {
        const of = nodes();
        const wide = { ...of, cluster: { ...of.cluster, nodeMask: { ipv4: 18, ipv6: 122 } } };
        const [pool] = calicoResources(wide);
        expect(calicoResource("3.32.1").safeParse(pool).success).toBe(false);
        const peer = calicoResources(nodes()).at(-1);
        expect(calicoResource("3.32.1").safeParse(peer).success).toBe(true);
        expect(calicoResource("3.31.0").safeParse(peer).success).toBe(false);
    });

    it("are written in the API of Calico's own server on request", () => {
        const apis = calicoResources(nodes(), { apiVersion: "projectcalico.org/v3" }).map((each) => each.apiVersion);
        expect(new Set(apis)).toEqual(new Set(["projectcalico.org/v3"]));
    });

    it.each([
        ["none", "Never", "Never"],
        ["ipip", "Always", "Never"],
        ["vxlan", "Never", "Always"],
    ] as const)("encapsulate by %s", (encapsulation, ipipMode, vxlanMode) => {
        expect(calicoResources(nodes({ encapsulation }))[0]).toMatchObject({ spec: { ipipMode, vxlanMode } });
    });

    it("name the pools as Calico names its own, and number those that follow", () => {
        const of = nodes();
        const podCidrs = ["192.168.0.0/17", "192.168.128.0/17", "fd00:192:168::/48"];
        const names = calicoResources({ ...of, cluster: { ...of.cluster, podCidrs } }).map(
            ({ metadata }) => metadata.name,
        );
        expect(names.slice(0, 3)).toEqual(["default-ipv4-ippool", "default-ipv4-ippool-2", "default-ipv6-ippool"]);
    });
});

describe("a selector in Calico's language", () => {
    const selectors: readonly (readonly [LabelSelector, string])[] = [
        [{}, "all()"],
        [{ matchLabels: { rack: "rack0", zone: "" } }, "rack == 'rack0' && zone == ''"],
        [{ matchExpressions: [{ key: "rack", operator: "In", values: ["a", "b"] }] }, "rack in {'a', 'b'}"],
        [{ matchExpressions: [{ key: "rack", operator: "NotIn", values: ["a"] }] }, "rack not in {'a'}"],
        [{ matchExpressions: [{ key: "example.org/rack", operator: "Exists" }] }, "has(example.org/rack)"],
        [{ matchExpressions: [{ key: "rack", operator: "DoesNotExist" }] }, "!has(rack)"],
    ];

    it.each(selectors)("says %j as %s, and is read to select the same", (selector, text) => {
        expect(calicoSelector(selector)).toBe(text);
        const all: readonly Labels[] = [
            {},
            { rack: "rack0", zone: "" },
            { rack: "a" },
            { rack: "b", "example.org/rack": "x" },
        ];
        for (const labels of all) {
            expect(calicoSelects(text, labels)).toBe(selects(selector, labels));
        }
    });

    it("is refused where it says more", () => {
        expect(() => calicoSelects("rack starts with 'r'", {})).toThrow("a term that is not known here");
    });
});

describe("Calico's bird.conf", () => {
    it("with all that it can be told is the golden one", () => {
        expectGolden(golden("bird.conf"), birdConfig(everything, "master"));
    });

    it("has a session with every other node while the mesh is on, of which one end connects", () => {
        const passive = (node: string) =>
            [...birdConfig({}, node).matchAll(/protocol bgp (Mesh_\S+) \{[^}]*?passive on;/g)].map((match) => match[1]);
        expect([passive("master"), passive("node1"), passive("node2")]).toEqual([
            ["Mesh_10_0_0_11", "Mesh_10_0_0_12"],
            ["Mesh_10_0_0_12"],
            [],
        ]);
        expect(birdConfig({ nodeToNodeMesh: false })).not.toContain("Mesh_");
    });

    it("has a peer only on the nodes that it selects", () => {
        expect(birdConfig(everything, "master")).toContain("protocol bgp Node_10_0_0_252");
        expect(birdConfig(everything, "node1")).not.toContain("10.0.0.252");
    });

    it.skipIf(bird === undefined).each([{}, everything, { nodeToNodeMesh: false }])(
        "is accepted by the real BIRD: %j",
        async (calico) => {
            const folder = mkdtempSync(join(tmpdir(), "bird-"));
            try {
                writeFileSync(join(folder, "bird.conf"), birdConfig(calico, "master"));
                const { stdout, stderr } = await run(bird!, ["-p", "-c", join(folder, "bird.conf")]);
                expect(stdout + stderr).toBe("");
            } finally {
                rmSync(folder, { recursive: true });
            }
        },
    );
});
