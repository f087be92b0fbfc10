import shutil
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

from dev.bazelw.configuration import configuration, java_truststore, write_configuration

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class ConfigurationTest(unittest.TestCase):
    def test_every_stub_module_has_its_source(self) -> None:
        files = configuration(Path("/cache"), b"")
        modules = {name.rsplit("/", 1)[0] for name in files if "/modules/" in name}
        self.assertIn("registry/modules/protobuf/21.7", modules)
        for module in modules:
            self.assertLessEqual({f"{module}/MODULE.bazel", f"{module}/source.json"}, set(files))

    def test_stub_modules_can_be_loaded(self) -> None:
        files = configuration(Path("/cache"), b"")
        self.assertIn("registry/empty/BUILD.bazel", files)
        self.assertIn(b"buildozer_binary = ", files["registry/empty/buildozer_binary.bzl"])

    def test_bazel_keeps_what_it_makes_in_the_cache(self) -> None:
        bazelrc = configuration(Path("/cache"), b"")["bazelrc"].decode()
        self.assertIn("startup --output_user_root=/cache/bazel\n", bazelrc)

    def test_the_same_files_are_written_once_and_others_elsewhere(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            first = write_configuration(Path(name), {"a/b": b"1"})
            self.assertEqual((first / "a/b").read_bytes(), b"1")
            self.assertEqual(write_configuration(Path(name), {"a/b": b"1"}), first)
            self.assertNotEqual(write_configuration(Path(name), {"a/b": b"2"}), first)


class JavaTruststoreTest(unittest.TestCase):
    def test_keytool_reads_every_certificate(self) -> None:
        if not shutil.which("keytool") or not CERTIFICATES.exists():
            self.skipTest("needs Java's keytool and certificates of the system")
        pem = CERTIFICATES.read_bytes()
        with tempfile.TemporaryDirectory() as name:
            store = Path(name) / "cacerts"
            store.write_bytes(java_truststore(pem))
            listing = subprocess.run(
                ["keytool", "-list", "-storetype", "JKS", "-keystore", str(store)],
                input="\n",
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        context = ssl.create_default_context(cafile=str(CERTIFICATES))
        self.assertEqual(listing.count("trustedCertEntry"), pem.count(b"BEGIN CERTIFICATE"))
        self.assertGreaterEqual(listing.count("trustedCertEntry"), len(context.get_ca_certs()))

    def test_without_certificates_it_is_empty(self) -> None:
        self.assertEqual(java_truststore(b"")[:12].hex(), "feedfeed0000000200000000")


if __name__ == "__main__":
    unittest.main()
