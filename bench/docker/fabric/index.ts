import * as pulumi from "@pulumi/pulumi";
import { dockerFabric, dockerSegments, fabricClaim } from "../../../components/docker";
import { Claim } from "../../../components/docker/resources";
import { dockerPrefix } from "../../../render/docker";
import { type StarArgs, star } from "../star";

/** The containers and links of a star, built by the components that build a lab. */
class Star extends pulumi.ComponentResource {
    constructor(args: StarArgs, images: { readonly router: string; readonly client: string }) {
        super("bgplab:bench:Star", "star");
        const model = star(args);
        const prefix = dockerPrefix(pulumi.getProject(), pulumi.getStack());
        const claim = new Claim("star-claim", fabricClaim(model, prefix, images), { parent: this });
        const place = { model, prefix, claim };
        dockerFabric(this, { ...place, images, segments: dockerSegments(this, place) });
        this.registerOutputs();
    }
}

const config = new pulumi.Config();
new Star(config.requireObject("star"), config.requireObject("images"));
