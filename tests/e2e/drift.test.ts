import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import {
    expectUntouched,
    expectVerified,
    type Finding,
    killDaemon,
    killSandbox,
    neighborsOf,
    recordedDrift,
    sessionsOf,
    shell,
} from "./observe";

const lab = createLab("e2e-drift");
const controlPlane = "cilium-bgp-cp-control-plane";
const worker = "cilium-bgp-cp-worker";
const fabric = "single-frr-fabric";
const verification = "single-frr-verification";
const everyNode = [1, 2];

/** Damage to a running lab. */
interface Fault {
    readonly what: string;
    readonly inflict: () => Promise<unknown>;
    /** What a refresh must report, apart from routes and sessions that fail in consequence. */
    readonly reported: readonly (Omit<Finding, "found"> & { readonly found: RegExp })[];
    /** Numbers of the nodes whose sessions must live through damage and repair. */
    readonly untouched: readonly number[];
}

function reports(resource: string, path: string, found: RegExp): Fault["reported"] {
    return [{ resource, path, found }];
}

const killed = /ended \(SIGKILL\)/;
const faults: readonly Fault[] = [
    {
        what: "a speaker that was killed",
        inflict: () => killDaemon(lab, `gobgpd.${worker}`),
        reported: reports(worker, "speakers.cilium", killed),
        untouched: [1],
    },
    {
        what: "a killed staticd",
        inflict: () => killDaemon(lab, "staticd.router0"),
        reported: reports("router0", "daemons.staticd", killed),
        untouched: everyNode,
    },
    {
        what: "a killed bgpd",
        inflict: () => killDaemon(lab, "bgpd.router0"),
        reported: reports("router0", "daemons.bgpd", killed),
        untouched: [],
    },
    {
        what: "a killed zebra",
        inflict: () => killDaemon(lab, "zebra.router0"),
        reported: reports("router0", "daemons.zebra", killed),
        untouched: [],
    },
    {
        what: "a deleted link to a node",
        inflict: () => shell(lab, worker, "ip link delete net0"),
        reported: reports(fabric, "links.router0-worker", /missing/),
        untouched: [1],
    },
    {
        what: "a deleted link to the client",
        inflict: () => shell(lab, "client0", "ip link delete net0"),
        reported: reports(fabric, "links.router0-client0", /missing/),
        untouched: everyNode,
    },
    {
        what: "a deleted port of the node network",
        inflict: () => shell(lab, worker, "ip link delete eth0"),
        reported: reports(fabric, "bridges.kind.ports[1]", /missing/),
        untouched: everyNode,
    },
    {
        what: "a deleted link to a pod",
        inflict: () => shell(lab, "pod_app-0", "ip link delete eth0"),
        reported: reports(worker, "pods.app-0", /missing/),
        untouched: everyNode,
    },
    {
        what: "a foreign address",
        inflict: () => shell(lab, controlPlane, "ip address add 10.9.9.9/24 dev net0"),
        reported: reports(fabric, `namespaces.${controlPlane}.addresses.net0`, /foreign address 10\.9\.9\.9\/24/),
        untouched: everyNode,
    },
    {
        what: "a foreign route",
        inflict: () => shell(lab, "client0", "ip route add 10.8.0.0/16 via 192.168.0.1"),
        reported: reports(fabric, 'namespaces.client0.routes["10.8.0.0/16"]', /10\.8\.0\.0\/16/),
        untouched: everyNode,
    },
    {
        what: "a node that no longer forwards",
        inflict: () => shell(lab, worker, "echo 0 > /proc/sys/net/ipv4/ip_forward"),
        reported: reports(fabric, `namespaces.${worker}.forwarding`, /forwarding is off/),
        untouched: everyNode,
    },
    {
        what: "flushed service rules",
        inflict: () => shell(lab, worker, "nft flush ruleset"),
        reported: reports(worker, "services", /./),
        untouched: everyNode,
    },
    {
        what: "a removed namespace of a pod",
        inflict: () => shell(lab, undefined, "umount /run/netns/pod_app-0; rm /run/netns/pod_app-0"),
        reported: reports(worker, "pods.app-0", /./),
        untouched: everyNode,
    },
];

/** Interfaces of the devices with their hardware addresses, which neighbors go on using for a while. */
async function hardware(): Promise<readonly (readonly string[])[]> {
    const devices = ["router0", "client0", controlPlane, worker, "pod_app-0"];
    const lists = await Promise.all(
        devices.map((device) => shell(lab, device, "ip -br link | awk '{ print $1, $3 }' | sed 's/@[^ ]*//'")),
    );
    return lists.map((lines) => lines.trim().split("\n").sort());
}

describe("a damaged lab", () => {
    beforeAll(async () => {
        lab.configure({ lab: { workers: 1, replicas: 1 } });
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    it.each(faults)("is reported by refresh and healed by up: $what", async ({ inflict, reported, untouched }) => {
        const before = await sessionsOf(lab);
        const addresses = await hardware();
        await inflict();
        await lab.succeed("refresh");
        const drift = (await recordedDrift(lab)).filter(({ resource }) => resource !== verification);
        expect(drift).toEqual(reported.map((finding) => ({ ...finding, found: expect.stringMatching(finding.found) })));
        await lab.succeed("up", "--refresh");
        await expectVerified(lab);
        expectUntouched(before, await sessionsOf(lab), neighborsOf(...untouched));
        expect(await hardware()).toEqual(addresses);
    });

    it("is rebuilt as a whole when its sandbox was killed", async () => {
        await killSandbox(lab);
        await lab.succeed("refresh");
        const left = (await lab.resources()).filter(({ type }) => type.startsWith("bgplab:netns:"));
        expect(left.map(({ type }) => type)).toEqual(["bgplab:netns:Claim"]);
        await lab.succeed("up", "--refresh");
        await expectVerified(lab);
    });
});
