"""What several tests and the benchmarks need beside the package itself."""
