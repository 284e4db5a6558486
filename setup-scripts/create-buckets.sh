#!/usr/bin/env bash
# Creates the private buckets for datasets and results, and uploads the shared datasets.
# shellcheck source=setup-scripts/lib.sh
source "$(dirname "$0")/lib.sh"

datasets=${DATASETS_BUCKET:-causal-datasets}
results=${RESULTS_BUCKET:-causal-results}

for bucket in "$datasets" "$results"; do
  create "bucket $bucket" BucketAlreadyOwnedByYou s3api create-bucket --bucket "$bucket"
  must "privacy of bucket $bucket" s3api put-public-access-block --bucket "$bucket" \
    --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  must "encryption of bucket $bucket" s3api put-bucket-encryption --bucket "$bucket" \
    --server-side-encryption-configuration \
    'Rules=[{ApplyServerSideEncryptionByDefault={SSEAlgorithm=AES256}}]'
done

for file in "${TEST_DATA:-$here/../config/test-data}"/*.{csv,json}; do
  [[ -f $file ]] || continue
  key=shared/$(basename "$file")
  must "upload of $key" s3api put-object --bucket "$datasets" --key "$key" --body "$file" >/dev/null
  say "object s3://$datasets/$key"
done
