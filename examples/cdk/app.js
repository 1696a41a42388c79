// A stack with every kind of resource that the page docs/cdk.md names.
const { App, CfnOutput, RemovalPolicy, SecretValue, Stack } = require("aws-cdk-lib");
const ecr = require("aws-cdk-lib/aws-ecr");
const { DockerImageAsset } = require("aws-cdk-lib/aws-ecr-assets");
const { Secret } = require("aws-cdk-lib/aws-secretsmanager");

class Demo extends Stack {
  constructor(scope, id, props) {
    super(scope, id, props);

    const repository = new ecr.Repository(this, "Repository", {
      imageTagMutability: ecr.TagMutability.IMMUTABLE,
      lifecycleRules: [{ maxImageCount: 5 }],
      removalPolicy: RemovalPolicy.DESTROY,
      emptyOnDelete: true,
    });

    const credential = new Secret(this, "Credential", {
      secretName: "ecr-pullthroughcache/docker-hub",
      secretObjectValue: {
        username: SecretValue.unsafePlainText("user"),
        accessToken: SecretValue.unsafePlainText("token"),
      },
    });
    new ecr.CfnPullThroughCacheRule(this, "DockerHub", {
      ecrRepositoryPrefix: "docker-hub",
      upstreamRegistryUrl: "registry-1.docker.io",
      credentialArn: credential.secretArn,
    });
    new ecr.CfnRepositoryCreationTemplate(this, "Template", {
      prefix: "docker-hub",
      appliedFor: ["PULL_THROUGH_CACHE"],
      imageTagMutability: "IMMUTABLE",
    });

    const statement = {
      Sid: "replicate",
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${this.account}:root` },
      Action: "ecr:ReplicateImage",
      Resource: `arn:aws:ecr:${this.region}:${this.account}:repository/*`,
    };
    new ecr.CfnRegistryPolicy(this, "Policy", {
      policyText: { Version: "2012-10-17", Statement: [statement] },
    });

    const image = new DockerImageAsset(this, "Image", { directory: `${__dirname}/image` });

    new CfnOutput(this, "RepositoryName", { value: repository.repositoryName });
    new CfnOutput(this, "RepositoryUri", { value: repository.node.defaultChild.attrRepositoryUri });
    new CfnOutput(this, "ImageTag", { value: image.imageTag });
  }
}

const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
new Demo(new App(), "Demo", { env });
