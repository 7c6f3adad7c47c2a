import { expect, it } from "vitest";
import { parseConnections } from "../../provider/docker/connections";

it("tracked TCP connections are read in both directions, with canonical addresses, and nothing else is", () => {
    const table = [
        "ipv4     2 tcp      6 119 TIME_WAIT src=172.16.0.2 dst=192.168.0.1 sport=33198 dport=80 src=10.96.0.240 dst=10.244.2.9 sport=80 dport=33198 [ASSURED] mark=0 zone=0 use=2",
        "ipv6     10 tcp      6 9 SYN_SENT src=fd00:0172:0016:0000:0000:0000:0000:0002 dst=fd00:0192:0168:0000:0000:0000:0000:0001 sport=4 dport=80 [UNREPLIED] src=fd00:0010:0096:0000:0000:0000:0000:00f0 dst=fd00:0010:0244:0002:0000:0000:0000:0009 sport=80 dport=4 mark=0 zone=0 use=2",
        "ipv4     2 udp      17 3 src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1 mark=0 use=2",
        "",
    ].join("\n");
    expect(parseConnections(table)).toEqual([
        {
            client: "172.16.0.2",
            clientPort: 33198,
            address: "192.168.0.1",
            port: 80,
            answering: "10.96.0.240",
            answeredTo: "10.244.2.9",
            isAssured: true,
        },
        {
            client: "fd00:172:16::2",
            clientPort: 4,
            address: "fd00:192:168::1",
            port: 80,
            answering: "fd00:10:96::f0",
            answeredTo: "fd00:10:244:2::9",
            isAssured: false,
        },
    ]);
});
