"""Bluetooth health profiles: values of GATT characteristics become readings.

    fields            how a characteristic is laid out, and how its octets are read
    meanings          what its fields say: numbers, concepts, bits, doubts
    blood_pressure, glucose, heart_rate, oximeter, scale, thermometer
                      the characteristics, as tables
    characteristics   all of them, by their number
    device            what else was read of the device: who it is, and its clock
    notification      one value as a gateway tells it, a line of JSON
    measurements      a notification becomes readings

Spec: Bluetooth SIG, GATT Specification Supplement and the services' specifications; "Personal
Health Devices Transcoding" for the terms of IEEE 11073
"""
