/**
 * Runs the program with a monitor that makes nothing and writes down what it is asked to make. Started by the test as a
 * process of its own, the way an engine starts the program:
 *
 *     node -r ./scripts/register.cjs tests/components/record.ts '{"stack": "dev", "preview": true, "config": {…}}'
 */

import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor, type MockResourceArgs } from "@pulumi/pulumi/runtime/mocks";
import { disconnect, setMockOptions } from "@pulumi/pulumi/runtime/settings";
import { type Recorded, type Recording, type Request, secret, signature } from "./recording";

const recorded: Recorded[] = [];

/** Paths of the secrets among properties. */
function secretPaths(value: unknown, path: string): string[] {
    if (typeof value !== "object" || value === null) {
        return [];
    }
    if ((value as Record<string, unknown>)[signature] === secret) {
        return [path];
    }
    return Object.entries(value).flatMap(([key, each]) => secretPaths(each, path === "" ? key : `${path}.${key}`));
}

function sorted(urns: Iterable<string>): string[] {
    return [...new Set(urns)].sort();
}

class RecordingMonitor extends MockMonitor {
    override async registerResource(
        request: RegisterResourceRequest,
        callback: (error: Error | undefined, response: RegisterResourceResponse) => void,
    ): Promise<void> {
        await super.registerResource(request, (error: Error | undefined, response: RegisterResourceResponse) => {
            if (!error) {
                recorded.push(recordOf(response.getUrn(), request));
            }
            callback(error, response);
        });
    }
}

function recordOf(urn: string, request: RegisterResourceRequest): Recorded {
    const inputs = request.getObject()?.toJavaScript() ?? {};
    return {
        urn,
        custom: request.getCustom(),
        parent: request.getParent(),
        dependencies: sorted(request.getDependenciesList()),
        deletedWith: request.getDeletedwith(),
        provider: request.getProvider().replace(/::[^:]*$/, ""),
        deleteBeforeReplace: request.getDeletebeforereplace(),
        ignoreChanges: request.getIgnorechangesList(),
        secretInputs: secretPaths(inputs, ""),
        secretOutputs: request.getAdditionalsecretoutputsList(),
        inputs,
    };
}

/** What the providers would tell of a resource that they made. */
function made({ type, name, inputs }: MockResourceArgs) {
    const told: Readonly<Record<string, object>> = {
        "bgplab:docker:Claim": { name: "claimed" },
        "bgplab:netns:Claim": { name: "claimed" },
        "bgplab:docker:Frr": { seconds: 1 },
        "bgplab:docker:Vyos": { seconds: 1 },
        "random:index/randomPassword:RandomPassword": { result: "drawnpassword" },
        "bgplab:docker:Readiness": { seconds: 1 },
        "bgplab:docker:Verification": { timings: { sessions: 1, firstAnswer: 1 } },
        "command:local:Command": { stdout: "# made in 1 s\na kubeconfig", stderr: "" },
    };
    return { id: `${name}-id`, state: { revision: 1, passed: 1, ...inputs, ...told[type] } };
}

/** What is known of it in a preview, before it is there: its inputs, and what follows from them. */
function planned({ inputs }: MockResourceArgs) {
    return { id: undefined, state: { ...inputs } };
}

async function main(request: Request): Promise<Recording> {
    const config = Object.entries(request.config).map(([key, value]) => [
        `bgp-lab:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
    ]);
    pulumi.runtime.setAllConfig(Object.fromEntries(config));
    const mocks = { newResource: request.preview ? planned : made, call: () => ({}) };
    await pulumi.runtime.setMocks(mocks, "bgp-lab", request.stack, request.preview);
    setMockOptions(new RecordingMonitor(mocks), "bgp-lab", request.stack, request.preview);
    await pulumi.runtime.runInPulumiStack(async () => require("../../index"));
    await disconnect();
    const packages = Object.keys(require.cache).flatMap(
        (file) => /node_modules\/(@pulumi\/\w+)\//.exec(file)?.[1] ?? [],
    );
    return { resources: recorded, packages: sorted(packages) };
}

main(JSON.parse(process.argv[2] ?? "{}") as Request).then(
    (recording) => process.stdout.write(JSON.stringify(recording)),
    (error) => {
        console.error(error);
        process.exitCode = 1;
    },
);
