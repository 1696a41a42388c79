"""The errors that clients see, one class per AWS error shape.

The class name is the error code in the answer. ``sentence`` is AWS's own text if it is known, or else the API's
description of the shape; its fields are the snake_case names of the facts that the raiser passes. Facts that the error
shape declares as members (``uploadId`` of ``InvalidLayerPartException``) are part of the answer.

Only ``control.endpoint`` and ``distribution.errors`` catch these.
"""

from __future__ import annotations

from typing import Any, ClassVar


class EcrError(Exception):
    """A request that ECR refuses."""

    sentence: ClassVar[str] = ""
    status: ClassVar[int] = 400

    def __init__(self, message: str | None = None, **facts: Any) -> None:
        self.facts = facts
        self.message = self.sentence.format(**facts) if message is None else message
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The error code in the answer."""
        return type(self).__name__


# --- Constraint failures ---------------------------------------------------------------------------------


class InvalidParameterException(EcrError):
    sentence = "Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"

    @classmethod
    def at(cls, member: str, constraint: str) -> InvalidParameterException:
        """Return the error in the form in which ECR reports every violated constraint."""
        return cls(member=member, constraint=constraint)


class InvalidTagParameterException(EcrError):
    sentence = "Tag parameters are invalid"


class TooManyTagsException(EcrError):
    sentence = (
        "The list of tags on the repository is over the limit. "
        "The maximum number of tags that can be applied to a repository is 50."
    )


class ValidationException(EcrError):
    sentence = "There was an exception validating this request."


class LimitExceededException(EcrError):
    sentence = "The operation did not succeed because it would have exceeded a service limit for your account."

    @classmethod
    def repositories(cls, registry_id: str, limit: int) -> LimitExceededException:
        """Return the error for a registry with the maximum number of repositories."""
        return cls(
            f"The registry with id '{registry_id}' already has the maximum allowed number of repositories "
            f"which is '{limit}'"
        )

    @classmethod
    def images(cls, repository_name: str, registry_id: str, limit: int) -> LimitExceededException:
        """Return the error for a repository with the maximum number of images."""
        return cls(
            f"The repository with name '{repository_name}' in registry with id '{registry_id}' "
            f"already has the maximum allowed number of images which is '{limit}'"
        )

    @classmethod
    def tags(cls, tag: str, repository_name: str, registry_id: str, limit: int) -> LimitExceededException:
        """Return the error for an image with the maximum number of tags."""
        return cls(
            f"Adding tag '{tag}' to an image in the repository with name '{repository_name}' "
            f"in registry with id '{registry_id}' exceeds the maximum allowed number of tags per image "
            f"which is '{limit}'"
        )


# --- Repositories ----------------------------------------------------------------------------------------


class RepositoryNotFoundException(EcrError):
    sentence = "The repository with name '{repository_name}' does not exist in the registry with id '{registry_id}'"


class RepositoryAlreadyExistsException(EcrError):
    sentence = "The repository with name '{repository_name}' already exists in the registry with id '{registry_id}'"


class RepositoryNotEmptyException(EcrError):
    sentence = (
        "The repository with name '{repository_name}' in registry with id '{registry_id}' "
        "cannot be deleted because it still contains images"
    )


class RepositoryPolicyNotFoundException(EcrError):
    sentence = (
        "Repository policy does not exist for the repository with name '{repository_name}' "
        "in the registry with id '{registry_id}'"
    )


class RegistryPolicyNotFoundException(EcrError):
    sentence = "Registry policy does not exist in the registry with id '{registry_id}'"


class LifecyclePolicyNotFoundException(EcrError):
    sentence = (
        "Lifecycle policy does not exist for the repository with name '{repository_name}' "
        "in the registry with id '{registry_id}'"
    )


class LifecyclePolicyPreviewNotFoundException(EcrError):
    sentence = "There is no dry run for this repository."


class LifecyclePolicyPreviewInProgressException(EcrError):
    sentence = "The previous lifecycle policy preview request has not completed. Wait and try again."


class KmsException(EcrError):
    sentence = "The operation failed due to a KMS exception."


# --- Images ----------------------------------------------------------------------------------------------


class ImageNotFoundException(EcrError):
    sentence = (
        "The image with imageId {{imageDigest:'{image_digest}', imageTag:'{image_tag}'}} does not exist "
        "within the repository with name '{repository_name}' in the registry with id '{registry_id}'"
    )


class ImageAlreadyExistsException(EcrError):
    sentence = (
        "Image with digest '{image_digest}' and tag '{image_tag}' already exists in the repository "
        "with name '{repository_name}' in registry with id '{registry_id}'"
    )


class ImageTagAlreadyExistsException(EcrError):
    sentence = (
        "The image tag '{image_tag}' already exists in the '{repository_name}' repository "
        "and cannot be overwritten because the tag is immutable."
    )


class ImageDigestDoesNotMatchException(EcrError):
    sentence = "The specified image digest does not match the digest that Amazon ECR calculated for the image."


class ReferencedImagesNotFoundException(EcrError):
    sentence = (
        "Images with digests '[{digests}]' required for pushing image into repository "
        "with name '{repository_name}' in the registry with id '{registry_id}' do not exist"
    )


class ImageArchivedException(EcrError):
    sentence = "The specified image is archived and cannot be scanned."


class ImageStorageClassUpdateNotSupportedException(EcrError):
    sentence = "The requested image storage class update is not supported."


class ScanNotFoundException(EcrError):
    sentence = (
        "Image scan does not exist for the image with "
        "'{{imageDigest:'{image_digest}', imageTag:'{image_tag}'}}' in the repository "
        "with name '{repository_name}' in the registry with id '{registry_id}'"
    )


class UnsupportedImageTypeException(EcrError):
    sentence = "An artifact with media type '{media_type}' cannot be scanned."


# --- Layers ----------------------------------------------------------------------------------------------


class LayersNotFoundException(EcrError):
    sentence = (
        "Layers with digests '[{digests}]' required for pushing image into repository "
        "with name '{repository_name}' in the registry with id '{registry_id}' do not exist"
    )

    @classmethod
    def on_download(cls, digest: str, repository_name: str, registry_id: str) -> LayersNotFoundException:
        """Return the error in the words of GetDownloadUrlForLayer."""
        return cls(
            f"The layer with digest '{digest}' does not exist within the repository "
            f"with name '{repository_name}' in the registry with id '{registry_id}'"
        )


class LayerInaccessibleException(EcrError):
    sentence = (
        "The specified layer is not available because it is not associated with an image. "
        "Unassociated image layers may be cleaned up at any time."
    )


class LayerAlreadyExistsException(EcrError):
    sentence = "The image layer already exists in the associated repository."


class LayerPartTooSmallException(EcrError):
    sentence = "All layer parts except the last part should be at least 5MB"


class InvalidLayerException(EcrError):
    sentence = (
        "The layer digest calculation performed by Amazon ECR upon receipt of the image layer "
        "does not match the digest specified."
    )


class InvalidLayerPartException(EcrError):
    sentence = (
        "Invalid layer part upload for upload with id '{upload_id}' in the repository "
        "with name '{repository_name}' in the registry with id '{registry_id}'"
    )


class EmptyUploadException(EcrError):
    sentence = "The specified layer upload does not contain any layer parts."


class UploadNotFoundException(EcrError):
    sentence = (
        "Upload with id '{upload_id}' could not be found for the repository "
        "with name '{repository_name}' in the registry with id '{registry_id}'"
    )


# --- Pull through cache ----------------------------------------------------------------------------------


class PullThroughCacheRuleNotFoundException(EcrError):
    sentence = (
        "The pull through cache rule with Amazon ECR repository prefix '{prefix}' "
        "does not exist in the registry with id '{registry_id}'"
    )


class PullThroughCacheRuleAlreadyExistsException(EcrError):
    sentence = (
        "The pull through cache rule with Amazon ECR repository prefix '{prefix}' "
        "already exists in the registry with id '{registry_id}'"
    )


class UnsupportedUpstreamRegistryException(EcrError):
    sentence = "The upstream registry URL {url} is invalid. Specify a valid upstream registry URL and try again"


class SecretNotFoundException(EcrError):
    sentence = (
        "The ARN of the secret specified in the pull through cache rule was not found. "
        "Update the pull through cache rule with a valid secret ARN and try again."
    )


class UnableToAccessSecretException(EcrError):
    sentence = "The secret is unable to be accessed. Verify the resource permissions for the secret and try again."


class UnableToDecryptSecretValueException(EcrError):
    sentence = "The secret is accessible but is unable to be decrypted. Verify the resource permissions and try again."


class UnableToGetUpstreamImageException(EcrError):
    sentence = (
        "The image or images were unable to be pulled using the pull through cache rule. "
        "This is usually caused because of an issue with the Secrets Manager secret "
        "containing the credentials for the upstream registry."
    )


class UnableToGetUpstreamLayerException(EcrError):
    sentence = "There was an issue getting the upstream layer matching the pull through cache rule."


class UnableToListUpstreamImageReferrersException(EcrError):
    sentence = (
        "The referrer or referrers were unable to be listed using the pull through cache rule. "
        "This is usually caused because of an issue with the Secrets Manager secret "
        "containing the credentials for the upstream registry."
    )


# --- Templates, settings, replication, signing -----------------------------------------------------------


class TemplateNotFoundException(EcrError):
    sentence = (
        "The repository creation template with the prefix '{prefix}' "
        "does not exist in the registry with id '{registry_id}'"
    )


class TemplateAlreadyExistsException(EcrError):
    sentence = (
        "The repository creation template with the prefix '{prefix}' "
        "already exists in the registry with id '{registry_id}'"
    )


class ExclusionAlreadyExistsException(EcrError):
    sentence = "The specified pull time update exclusion already exists for the registry."


class ExclusionNotFoundException(EcrError):
    sentence = "The specified pull time update exclusion was not found."


class SigningConfigurationNotFoundException(EcrError):
    sentence = "The specified signing configuration was not found."


class ReplicationBackfillInProgressException(EcrError):
    sentence = "A replication backfill is already in progress for the specified destination Region."


class ReplicationBackfillInvalidStatusException(EcrError):
    sentence = (
        "The requested operation can't be performed on the replication backfill "
        "because it is not in a valid status for that operation."
    )


class ReplicationBackfillNotFoundException(EcrError):
    sentence = "The specified replication backfill could not be found."


class BlockedByOrganizationPolicyException(EcrError):
    sentence = "The operation did not succeed because the account is managed by a organization policy."


class ServerException(EcrError):
    sentence = "These errors are usually caused by a server-side issue."
    status = 500


# --- Common errors of AWS that the ECR model does not list -----------------------------------------------


class ThrottlingException(EcrError):
    sentence = "Rate exceeded"


class ServiceUnavailable(EcrError):
    sentence = "The request has failed due to a temporary failure of the server."
    status = 503


class MissingAuthenticationTokenException(EcrError):
    sentence = "Missing Authentication Token"


class IncompleteSignatureException(EcrError):
    sentence = "The Authorization header is not a complete AWS Signature Version 4: {reason}"


class UnrecognizedClientException(EcrError):
    sentence = "The security token included in the request is invalid."


class ExpiredTokenException(EcrError):
    sentence = "The security token included in the request is expired"


class InvalidSignatureException(EcrError):
    sentence = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )


class SerializationException(EcrError):
    sentence = "The request body is not what the operation expects: {reason}"


class UnknownOperationException(EcrError):
    sentence = "{reason}"


class AccessDeniedException(EcrError):
    sentence = "User: {principal} is not authorized to perform: {action} on resource: {resource}"
