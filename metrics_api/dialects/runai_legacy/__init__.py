"""Run:ai before its current API: the old control plane at /v1/k8s, and PromQL over runai_* series."""
