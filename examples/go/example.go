// Amazon ECR in Go with ecr_emulator: an image, a pull through cache rule, the clock, a fault.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

type object = map[string]any

var (
	ctx        = context.Background()
	repository = aws.String("team/app")
)

func main() {
	// Region, credentials and endpoint come from the environment.
	client := ecr.NewFromConfig(must(config.LoadDefaultConfig(ctx)))

	// An image
	must(client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: repository}))
	manifest := object{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        upload(client, "application/vnd.oci.image.config.v1+json", []byte("{}")),
		"layers":        []object{upload(client, "application/vnd.oci.image.layer.v1.tar", []byte("hello"))},
	}
	pushed := must(client.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: repository, ImageTag: aws.String("v1"), ImageManifest: aws.String(text(manifest)),
	}))
	fmt.Println("pushed", *pushed.Image.ImageId.ImageDigest)

	// A pull through cache rule
	rule := must(client.CreatePullThroughCacheRule(ctx, &ecr.CreatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: aws.String("quay"), UpstreamRegistryUrl: aws.String("quay.io"),
	}))
	fmt.Println("rule", *rule.EcrRepositoryPrefix)

	// The clock: 31 days later, the lifecycle policy has expired the image
	selection := object{"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}
	policy := object{"rules": []object{{"rulePriority": 1, "selection": selection, "action": object{"type": "expire"}}}}
	must(client.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{
		RepositoryName: repository, LifecyclePolicyText: aws.String(text(policy)),
	}))
	emulator("POST", "clock", object{"advance": "31d"})
	images := must(client.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: repository}))
	fmt.Println("images", len(images.ImageIds))

	// A fault: ECR throttles one request, and the SDK tries again
	fault := emulator("POST", "faults", object{"fault": "throttling", "target": "DescribeRepositories", "count": 1})
	must(client.DescribeRepositories(ctx, nil))
	for _, each := range emulator("GET", "faults", nil)["faults"].([]any) {
		if each.(object)["id"] == fault["id"] {
			fmt.Println("throttled", each.(object)["hits"])
		}
	}
}

// upload uploads a blob through the layer operations, and returns its descriptor.
func upload(client *ecr.Client, mediaType string, blob []byte) object {
	begun := must(client.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: repository}))
	must(client.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{
		RepositoryName: repository, UploadId: begun.UploadId, LayerPartBlob: blob,
		PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(int64(len(blob) - 1)),
	}))
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(blob))
	must(client.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
		RepositoryName: repository, UploadId: begun.UploadId, LayerDigests: []string{digest},
	}))
	return object{"mediaType": mediaType, "digest": digest, "size": len(blob)}
}

// emulator sends a request to an endpoint of the emulator below /_ecr.
func emulator(method, path string, body object) (answer object) {
	var content io.Reader = http.NoBody
	if body != nil {
		content = bytes.NewBufferString(text(body))
	}
	request := must(http.NewRequest(method, os.Getenv("AWS_ENDPOINT_URL")+"/_ecr/"+path, content))
	request.Header.Set("Content-Type", "application/json")
	response := must(http.DefaultClient.Do(request))
	defer response.Body.Close()
	received := must(io.ReadAll(response.Body))
	if response.StatusCode >= 300 {
		log.Fatal(string(received))
	}
	if err := json.Unmarshal(received, &answer); err != nil {
		log.Fatal(err)
	}
	return answer
}

func text(document object) string { return string(must(json.Marshal(document))) }

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
