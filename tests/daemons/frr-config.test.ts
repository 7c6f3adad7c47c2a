import { describe, expect, it } from "vitest";
import {
    daemonsOf,
    diffConfig,
    differences,
    formatConfig,
    loadBatches,
    parseConfig,
    partOf,
    profileOf,
    typed,
} from "../../provider/daemons/frr-config";
import { routerConfig } from "./fixtures";

/** Commands from one configuration to another. */
function commands(from: string, to: string, strict = false): readonly string[] {
    return typed(diffConfig(parseConfig(from), parseConfig(to), { strict }));
}

const bgp = (...lines: readonly string[]) => `router bgp 65000\n${lines.map((line) => ` ${line}\n`).join("")}exit\n`;

describe("parseConfig", () => {
    it("reads blocks by indentation and leaves out what is no configuration", () => {
        const text = [
            "Building configuration...",
            "frr version 8.4.4",
            "frr defaults datacenter",
            "no ip forwarding",
            "!",
            "router bgp 65000",
            " neighbor A peer-group",
            " !",
            " address-family ipv4 unicast",
            "  neighbor   A activate",
            " exit-address-family",
            "exit",
            "!",
            "ip prefix-list X seq 5 permit any",
            "end",
        ].join("\n");
        expect(formatConfig(parseConfig(text))).toBe(
            "frr defaults datacenter\nrouter bgp 65000\n neighbor A peer-group\n address-family ipv4 unicast\n" +
                "  neighbor A activate\nip prefix-list X seq 5 permit any\n",
        );
    });

    it("reads its own text again", () => {
        const once = formatConfig(parseConfig(routerConfig()));
        expect(formatConfig(parseConfig(once))).toBe(once);
    });
});

describe("partOf", () => {
    it("tells each daemon what it knows", () => {
        const config = parseConfig(`${routerConfig()}bfd\n profile fast\n  transmit-interval 100\n`);
        const firstWords = (daemon: "zebra" | "staticd" | "bgpd" | "bfdd") =>
            partOf(config, daemon).map(({ line }) => line.split(" ").slice(0, 2).join(" "));
        expect(firstWords("zebra")).toEqual(["frr defaults", "hostname router0", "no zebra"]);
        expect(firstWords("staticd")).toEqual(["frr defaults", "hostname router0", "ip route", "ipv6 route"]);
        expect(firstWords("bgpd")).toEqual(["frr defaults", "hostname router0", "router bgp", "ip prefix-list"]);
        expect(firstWords("bfdd")).toEqual(["frr defaults", "hostname router0", "bfd"]);
        expect(daemonsOf(config)).toContain("bfdd");
        expect(daemonsOf(parseConfig(routerConfig()))).not.toContain("bfdd");
    });

    it("gives zebra the route maps that zebra applies, with their lists, and bgpd the others", () => {
        const config = parseConfig(
            "ip protocol bgp route-map SRC\nip prefix-list P seq 5 permit any\n" +
                "route-map SRC permit 10\n set src 10.0.0.1\nexit\nroute-map IN permit 10\n set metric 5\nexit\n",
        );
        const lines = (daemon: "zebra" | "bgpd") => partOf(config, daemon).map(({ line }) => line);
        expect(lines("zebra")).toEqual([
            "ip protocol bgp route-map SRC",
            "ip prefix-list P seq 5 permit any",
            "route-map SRC permit 10",
        ]);
        expect(lines("bgpd")).toEqual(["ip prefix-list P seq 5 permit any", "route-map IN permit 10"]);
    });

    it("divides a VRF between zebra and staticd", () => {
        const config = parseConfig("vrf red\n vni 100\n ip route 10.0.0.0/8 blackhole\nexit-vrf\n");
        expect(formatConfig(partOf(config, "staticd"))).toBe("vrf red\n ip route 10.0.0.0/8 blackhole\n");
        expect(formatConfig(partOf(config, "zebra"))).toBe("vrf red\n vni 100\n");
    });
});

describe("loadBatches", () => {
    it("defines filters before their use and starts each peer together with its families", () => {
        const batches = loadBatches(partOf(parseConfig(routerConfig()), "bgpd"));
        expect(batches[0]?.slice(0, 4)).toEqual([
            "frr defaults datacenter",
            "ip prefix-list LAB seq 5 permit 10.0.0.0/8 ge 8",
            "hostname router0",
            "router bgp 65000",
        ]);
        expect(batches[0]?.filter((line) => / activate$| timers connect /.test(line))).toEqual([]);
        const start = (group: string, family: string) => [
            "router bgp 65000",
            `neighbor ${group} timers connect 1`,
            `address-family ${family} unicast`,
            `neighbor ${group} activate`,
            "exit",
            "exit",
        ];
        expect(batches.slice(1)).toEqual([start("NODES", "ipv4"), start("NODES6", "ipv6")]);
    });

    it("keeps every start short enough for bgpd to read at once (512 bytes)", () => {
        const batches = loadBatches(partOf(parseConfig(routerConfig()), "bgpd")).slice(1);
        expect(Math.max(...batches.map((batch) => batch.join("\0").length))).toBeLessThan(512);
    });

    it("holds nothing back where a family is active by default", () => {
        const config = parseConfig(bgp("neighbor A peer-group", "neighbor A timers connect 1"));
        expect(loadBatches(config)).toEqual([
            ["router bgp 65000", "neighbor A peer-group", "neighbor A timers connect 1", "exit"],
        ]);
    });
});

describe("diffConfig", () => {
    it("says nothing about equal configurations", () => {
        expect(commands(routerConfig(), routerConfig())).toEqual([]);
    });

    it("gives a setting its new value without removing the old one", () => {
        expect(commands(bgp("bgp router-id 1.1.1.1"), bgp("bgp router-id 2.2.2.2"))).toEqual([
            "router bgp 65000",
            "bgp router-id 2.2.2.2",
            "exit",
        ]);
    });

    it("removes the old value first when told that the new one did not take", () => {
        expect(commands(bgp("bgp router-id 1.1.1.1"), bgp("bgp router-id 2.2.2.2"), true)).toEqual([
            "router bgp 65000",
            "no bgp router-id 1.1.1.1",
            "bgp router-id 2.2.2.2",
            "exit",
        ]);
    });

    it("adds a new static route before it removes the old one", () => {
        expect(commands("ip route 10.0.0.0/8 1.1.1.1\n", "ip route 10.0.0.0/8 2.2.2.2\n")).toEqual([
            "ip route 10.0.0.0/8 2.2.2.2",
            "no ip route 10.0.0.0/8 1.1.1.1",
        ]);
    });

    it("defines a prefix list before a neighbor uses it, and removes one after its last use", () => {
        const family = (list: string) => bgp("address-family ipv4 unicast", ` neighbor A prefix-list ${list} out`);
        const from = `${family("OLD")}ip prefix-list OLD seq 5 permit any\n`;
        const to = `${family("NEW")}ip prefix-list NEW seq 5 permit any\n`;
        expect(commands(from, to)).toEqual([
            "ip prefix-list NEW seq 5 permit any",
            "router bgp 65000",
            "address-family ipv4 unicast",
            "neighbor A prefix-list NEW out",
            "exit",
            "exit",
            "no ip prefix-list OLD seq 5 permit any",
        ]);
    });

    it("removes a neighbor with one command", () => {
        const from = bgp(
            "neighbor 1.1.1.1 remote-as 1",
            "neighbor 1.1.1.1 description x",
            "neighbor 2.2.2.2 remote-as 2",
        );
        expect(commands(from, bgp("neighbor 2.2.2.2 remote-as 2"))).toEqual([
            "router bgp 65000",
            "no neighbor 1.1.1.1",
            "exit",
        ]);
    });

    it("makes a neighbor anew that moves to another group, and only that one", () => {
        const group = ["neighbor A peer-group", "neighbor A remote-as external"];
        const from = bgp(...group, "neighbor 1.1.1.1 remote-as 1", "neighbor 2.2.2.2 peer-group A");
        const to = bgp(...group, "neighbor 1.1.1.1 peer-group A", "neighbor 2.2.2.2 peer-group A");
        expect(commands(from, to)).toEqual([
            "router bgp 65000",
            "no neighbor 1.1.1.1",
            "neighbor 1.1.1.1 peer-group A",
            "exit",
        ]);
    });

    it("replaces the router when the AS changes", () => {
        const to = bgp("bgp router-id 1.1.1.1").replace("65000", "65001");
        expect(commands(bgp("bgp router-id 1.1.1.1"), to)).toEqual([
            "no router bgp 65000",
            "router bgp 65001",
            "bgp router-id 1.1.1.1",
            "exit",
        ]);
    });

    it("takes back what was negated", () => {
        expect(commands(bgp("no bgp ebgp-requires-policy"), bgp())).toEqual([
            "router bgp 65000",
            "bgp ebgp-requires-policy",
            "exit",
        ]);
    });
});

describe("differences", () => {
    it("names each line with the blocks it is in", () => {
        const now = parseConfig(bgp("address-family ipv4 unicast", " maximum-paths 4"));
        const wanted = parseConfig(bgp("address-family ipv4 unicast", " maximum-paths 8"));
        expect(differences(now, wanted)).toEqual([
            "missing: router bgp 65000 / address-family ipv4 unicast / maximum-paths 8",
            "not wanted: router bgp 65000 / address-family ipv4 unicast / maximum-paths 4",
        ]);
    });
});

describe("profileOf", () => {
    it("is FRR's own default where nothing is said", () => {
        expect(profileOf(parseConfig("hostname x\n"))).toBe("traditional");
        expect(profileOf(parseConfig(routerConfig()))).toBe("datacenter");
    });
});
