/** The pack as an engine starts it: the SDK's own server, in a process of its own, asked over the Analyzer protocol. */

import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Sent } from "./asking";

const root = resolve(__dirname, "../..");

/** A violation, or what else a policy has to say. */
export interface Said {
    readonly policy: string;
    readonly level: "advisory" | "mandatory";
    readonly message: string;
}

/** Configuration of one policy. */
export interface PolicySetting {
    readonly enforcementLevel?: "advisory" | "mandatory" | "disabled";
    readonly [parameter: string]: unknown;
}

const levels = {
    advisory: messages.EnforcementLevel.ADVISORY,
    mandatory: messages.EnforcementLevel.MANDATORY,
    disabled: messages.EnforcementLevel.DISABLED,
} as const;

/** A running pack. */
export class PackServer {
    private constructor(
        private readonly process: ChildProcess,
        private readonly client: AnalyzerClient,
    ) {}

    /** Starts the pack of the project; it tells its port on standard output. */
    static async start(): Promise<PackServer> {
        const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack");
        const started = spawn(process.execPath, [runner, "127.0.0.1:1", "."], {
            cwd: resolve(root, "policy"),
            stdio: ["ignore", "pipe", "inherit"],
            env: { ...process.env, PULUMI_NODEJS_PROJECT: "bgp-lab", PULUMI_NODEJS_STACK: "dev" },
        });
        for await (const line of createInterface(started.stdout)) {
            if (/^\d+$/.test(line)) {
                const client = new AnalyzerClient(`127.0.0.1:${line}`, credentials.createInsecure());
                return new PackServer(started, client);
            }
        }
        throw new Error(`the pack ended with ${started.exitCode}`);
    }

    stop(): void {
        this.client.close();
        this.process.kill();
    }

    /** What the pack tells an engine of itself. */
    async info(): Promise<messages.AnalyzerInfo> {
        return new Promise((done, failed) => {
            this.client.getAnalyzerInfo(new Empty(), (error, answer) => (error ? failed(error) : done(answer)));
        });
    }

    /** Configures every policy as an engine does: with its own level and defaults, and what is given over them. */
    async configure(given: Readonly<Record<string, PolicySetting>>): Promise<void> {
        const request = new messages.ConfigureAnalyzerRequest();
        for (const policy of (await this.info()).getPoliciesList()) {
            const { enforcementLevel, ...parameters } = given[policy.getName()] ?? {};
            const schema = (policy.getConfigschema()?.getProperties()?.toJavaScript() ?? {}) as Record<string, object>;
            const defaults = Object.entries(schema).filter(([, each]) => "default" in each);
            const config = new messages.PolicyConfig();
            config.setEnforcementlevel(
                enforcementLevel === undefined ? policy.getEnforcementlevel() : levels[enforcementLevel],
            );
            config.setProperties(
                Struct.fromJavaScript({
                    ...Object.fromEntries(defaults.map(([name, each]) => [name, (each as { default: never }).default])),
                    ...(parameters as Record<string, never>),
                }),
            );
            request.getPolicyconfigMap().set(policy.getName(), config);
        }
        await new Promise<void>((done, failed) => {
            this.client.configure(request, (error: ServiceError | null) => (error ? failed(error) : done()));
        });
    }

    /** What policies say about a resource. */
    async analyze({ type, name, inputs }: Sent): Promise<readonly Said[]> {
        const request = new messages.AnalyzeRequest();
        request.setUrn(`urn:pulumi:dev::bgp-lab::${type}::${name}`);
        request.setType(type);
        request.setName(name);
        request.setProperties(Struct.fromJavaScript(inputs as Record<string, never>));
        request.setOptions(new messages.AnalyzerResourceOptions());
        const answer = await new Promise<messages.AnalyzeResponse>((done, failed) => {
            this.client.analyze(request, (error, response) => (error ? failed(error) : done(response)));
        });
        return answer.getDiagnosticsList().map((each) => ({
            policy: each.getPolicyname(),
            level: each.getEnforcementlevel() === levels.advisory ? "advisory" : "mandatory",
            message: each.getMessage(),
        }));
    }

    /** What policies say about the remedy of a resource, which engines ask for as well. */
    async remediate({ type, name, inputs }: Sent): Promise<number> {
        const request = new messages.AnalyzeRequest();
        request.setUrn(`urn:pulumi:dev::bgp-lab::${type}::${name}`);
        request.setType(type);
        request.setProperties(Struct.fromJavaScript(inputs as Record<string, never>));
        request.setOptions(new messages.AnalyzerResourceOptions());
        return new Promise((done, failed) => {
            this.client.remediate(request, (error, response) =>
                error ? failed(error) : done(response.getRemediationsList().length),
            );
        });
    }
}
