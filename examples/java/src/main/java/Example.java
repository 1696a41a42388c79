import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.ecr.EcrClient;

/** Amazon ECR in Java with ecr_emulator: an image, a pull through cache rule, the clock, a fault. */
public class Example {
    private static final String REPOSITORY = "team/app";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final EcrClient ecr = EcrClient.create(); // Region, credentials and endpoint: from the environment

    public static void main(String[] arguments) throws Exception {
        // An image
        ecr.createRepository(r -> r.repositoryName(REPOSITORY));
        var manifest = JSON.writeValueAsString(Map.of(
                "schemaVersion", 2,
                "mediaType", "application/vnd.oci.image.manifest.v1+json",
                "config", upload("application/vnd.oci.image.config.v1+json", "{}"),
                "layers", List.of(upload("application/vnd.oci.image.layer.v1.tar", "hello"))));
        var pushed = ecr.putImage(r -> r.repositoryName(REPOSITORY).imageTag("v1").imageManifest(manifest));
        System.out.println("pushed " + pushed.image().imageId().imageDigest());

        // A pull through cache rule
        var rule = ecr.createPullThroughCacheRule(r -> r.ecrRepositoryPrefix("quay").upstreamRegistryUrl("quay.io"));
        System.out.println("rule " + rule.ecrRepositoryPrefix());

        // The clock: 31 days later, the lifecycle policy has expired the image
        var policy = """
                {"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection": {"tagStatus": "any",
                 "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}}]}""";
        ecr.putLifecyclePolicy(r -> r.repositoryName(REPOSITORY).lifecyclePolicyText(policy));
        emulator("POST", "clock", Map.of("advance", "31d"));
        System.out.println("images " + ecr.listImages(r -> r.repositoryName(REPOSITORY)).imageIds().size());

        // A fault: ECR throttles one request, and the SDK tries again
        var fault = emulator("POST", "faults",
                Map.of("fault", "throttling", "target", "DescribeRepositories", "count", 1));
        ecr.describeRepositories();
        for (var each : emulator("GET", "faults", Map.of()).get("faults")) {
            if (each.get("id").equals(fault.get("id"))) {
                System.out.println("throttled " + each.get("hits"));
            }
        }
    }

    /** Uploads a blob through the layer operations, and returns its descriptor. */
    private static Map<String, Object> upload(String mediaType, String content) throws Exception {
        var blob = SdkBytes.fromUtf8String(content);
        long size = blob.asByteArray().length;
        var id = ecr.initiateLayerUpload(r -> r.repositoryName(REPOSITORY)).uploadId();
        ecr.uploadLayerPart(r -> r.repositoryName(REPOSITORY).uploadId(id)
                .partFirstByte(0L).partLastByte(size - 1).layerPartBlob(blob));
        var hash = MessageDigest.getInstance("SHA-256").digest(blob.asByteArray());
        var digest = "sha256:" + HexFormat.of().formatHex(hash);
        ecr.completeLayerUpload(r -> r.repositoryName(REPOSITORY).uploadId(id).layerDigests(digest));
        return Map.of("mediaType", mediaType, "digest", digest, "size", size);
    }

    /** Sends a request to an endpoint of the emulator below /_ecr. */
    private static JsonNode emulator(String method, String path, Map<String, Object> body) throws Exception {
        var url = URI.create(System.getenv("AWS_ENDPOINT_URL") + "/_ecr/" + path);
        var content = body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(JSON.writeValueAsString(body));
        var request = HttpRequest.newBuilder(url).method(method, content).header("Content-Type", "application/json");
        var answer = HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            throw new IllegalStateException(answer.body());
        }
        return JSON.readTree(answer.body());
    }
}
