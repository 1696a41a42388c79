"""The other AWS services: moto, in the same process, imported when one of them is first used."""
