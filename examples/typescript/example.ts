/** Amazon ECR in TypeScript with ecr_emulator: an image, a pull through cache rule, the clock, a fault. */
import { createHash } from "node:crypto";
import { ECR } from "@aws-sdk/client-ecr";

const ecr = new ECR(); // region, credentials and endpoint come from the environment
const repositoryName = "team/app";

/** Send a request to an endpoint of the emulator below /_ecr. */
async function emulator(method: string, path: string, body?: object): Promise<any> {
  const answer = await fetch(`${process.env.AWS_ENDPOINT_URL}/_ecr/${path}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Upload a blob through the layer operations, and return its descriptor. */
async function upload(mediaType: string, blob: Buffer) {
  const { uploadId } = await ecr.initiateLayerUpload({ repositoryName });
  const last = blob.length - 1;
  await ecr.uploadLayerPart({ repositoryName, uploadId, partFirstByte: 0, partLastByte: last, layerPartBlob: blob });
  const digest = `sha256:${createHash("sha256").update(blob).digest("hex")}`;
  await ecr.completeLayerUpload({ repositoryName, uploadId, layerDigests: [digest] });
  return { mediaType, digest, size: blob.length };
}

// An image
await ecr.createRepository({ repositoryName });
const manifest = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: await upload("application/vnd.oci.image.config.v1+json", Buffer.from("{}")),
  layers: [await upload("application/vnd.oci.image.layer.v1.tar", Buffer.from("hello"))],
};
const pushed = await ecr.putImage({ repositoryName, imageTag: "v1", imageManifest: JSON.stringify(manifest) });
console.log("pushed", pushed.image?.imageId?.imageDigest);

// A pull through cache rule
const rule = await ecr.createPullThroughCacheRule({ ecrRepositoryPrefix: "quay", upstreamRegistryUrl: "quay.io" });
console.log("rule", rule.ecrRepositoryPrefix);

// The clock: 31 days later, the lifecycle policy has expired the image
const selection = { tagStatus: "any", countType: "sinceImagePushed", countUnit: "days", countNumber: 30 };
const policy = { rules: [{ rulePriority: 1, selection, action: { type: "expire" } }] };
await ecr.putLifecyclePolicy({ repositoryName, lifecyclePolicyText: JSON.stringify(policy) });
await emulator("POST", "clock", { advance: "31d" });
console.log("images", (await ecr.listImages({ repositoryName })).imageIds?.length);

// A fault: ECR throttles one request, and the SDK tries again
const fault = await emulator("POST", "faults", { fault: "throttling", target: "DescribeRepositories", count: 1 });
await ecr.describeRepositories();
const { faults } = await emulator("GET", "faults");
console.log("throttled", faults.find((each: any) => each.id === fault.id).hits);
